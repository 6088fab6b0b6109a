"""Who may call: certificates, callers, their scopes and quotas (docs/security.md)."""
