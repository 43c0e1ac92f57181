"""Programs of others that run in the browser: fetched once, checked against a hash, served from here."""
