"""HTTP/1.1 as our small servers speak it: requests in, answers out, every wait bounded."""
