"""The routes under /ray/<session>/."""
from __future__ import annotations
from litestar import Router
def ray_router(source: object) -> Router:
    return Router(path="/ray/{session:str}", route_handlers=[])
