"""What the sandbox says over HTTP: sign-in, SOAP, REST."""
