"""Who may do what: scopes, requests, agreements, grants, the audit log."""
