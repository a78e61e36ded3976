"""What a monitoring system asks: metrics, whether the service is alive, whether it is ready."""
