"""What runs inside the user's kernel: streams, the publisher, and the link to the server."""
