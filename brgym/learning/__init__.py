"""How routers learn: imitation of other routers, then reinforcement in the environment."""
