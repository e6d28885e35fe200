"""What puts events in: files, and the publisher for services. Light to import."""
