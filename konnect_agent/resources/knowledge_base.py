"""Kong's documentation, searched in natural language (tool KnowledgeBaseSearch)."""

from __future__ import annotations

import json

from konnect_agent.decoding import undecodable
from konnect_agent.dialects import Intent
from konnect_agent.notes import texts
from konnect_agent.resources.resource import Resource, required

_SEARCH = Intent("knowledge_base.search", "any")


class KnowledgeBase(Resource):
    """`konnect.knowledge_base`."""

    async def search(self, query: str) -> str:
        """Plain text excerpts about `query`; untrusted text, like everything a server sends."""
        data = await self._ask(_SEARCH, {"query": required(query, "query")})
        if isinstance(data, str):
            return data
        text = next(texts(data, ("result", "text", "content", "answer", "excerpts")), None)
        if text is not None or data is None:
            return text or ""
        try:
            return json.dumps(data, indent=2, ensure_ascii=False)
        except RecursionError:
            raise undecodable("nested too deep", data) from None
