"""What uses_locust.py's users do."""

from locust import HttpUser, constant, task


class User(HttpUser):
    wait_time = constant(0.05)

    @task
    def get(self) -> None:
        self.client.get("/")
