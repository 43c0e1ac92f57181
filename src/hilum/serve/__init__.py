"""The archive on the web: accounts and access, DICOMweb, viewer, portal, downloads."""
