"""SMTP text into a `Reply`, and a reply into its template; nothing here judges."""
