from typing_extensions import Buffer

LANES: int

def md5_of(buffers: list[Buffer], /) -> list[bytes]: ...
