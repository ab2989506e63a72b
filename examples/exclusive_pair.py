"""A bank account that lives in a process of its own, called from asyncio: python examples/exclusive_pair.py"""

import asyncio

from zmqfast.patterns.exclusive_pair import AsyncActor


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance

    def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    def withdraw(self, amount: int) -> int:
        if amount > self.balance:
            raise ValueError(f"{amount} is more than {self.balance}")
        return self.deposit(-amount)


async def main() -> None:
    async with AsyncActor(Account, 100, process=True) as account:
        print(await asyncio.gather(*(account.call("deposit", 10) for _ in range(3))))
        try:
            await account.call("withdraw", 1000)
        except ValueError as error:
            print("refused:", error)


if __name__ == "__main__":
    asyncio.run(main())
