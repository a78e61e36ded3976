"""Money: tariffs, charges, policy; what an account owes, has left, and may be cut for."""
