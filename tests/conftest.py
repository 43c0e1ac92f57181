"""What holds for every test."""

from hypothesis import settings

# A slow or busy machine is no failure: Hypothesis would end an example after 200 ms.
settings.register_profile("hilum", deadline=None)
settings.load_profile("hilum")
