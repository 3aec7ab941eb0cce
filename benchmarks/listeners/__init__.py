"""ShoutcastServer and Icecast under the same crowd of listeners, one after the other."""
