"""All that is Twilio's: webhooks, media socket, TwiML, signatures, REST API, numbers, error numbers."""
