"""What happens to kernels -> the registry: events, restart callbacks, a sweep, culling.

No single source tells all: a kernel that dies for good emits no event and is out of Jupyter's map
before its callback runs; one that an external tool owns has no callbacks; so all three are heard,
and the lifetime's table takes the same news twice.

Source: protocol.md §5 (`$status`, when the kernel ends).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from logging import Logger, LoggerAdapter
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server._tz import utcnow

from jupyter_sio.limits import Lifetime as Bounds
from jupyter_sio.protocol.lifetime import Event
from jupyter_sio.server.news import News
from jupyter_sio.server.registry import KernelNamespace, Registry, now_ms

ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
# A kernel's last_activity is touched no more often than this, seconds.
_TOUCH_SECONDS = 1.0


class Kernels:
    """Follows Jupyter's kernels and keeps their namespaces in step. Owned by the server's loop."""

    def __init__(
        self,
        *,
        registry: Registry,
        news: News,
        kernel_manager: Any,
        bounds: Bounds,
        keep_alive: str,
        settings: dict[str, Any],
        log: Logger | LoggerAdapter[Logger],
    ) -> None:
        self._registry = registry
        self._news = news
        self._manager = kernel_manager
        self._bounds = bounds
        self._keep_alive = keep_alive
        self._settings = settings
        self._log = log
        self._event_logger: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        # Kernels whose process was seen dead: what Jupyter says of them is old until they restart.
        self._mourned: set[str] = set()
        self._followed: dict[str, Any] = {}
        self._touched: dict[str, float] = {}
        self.on_ended: Callable[[KernelNamespace], None] = lambda namespace: None
        self.on_over: Callable[[KernelNamespace], None] = lambda namespace: None

    # --- beginning and end -------------------------------------------------------------------

    async def start(self, event_logger: Any) -> None:
        """Listen to Jupyter's events, adopt the kernels that already run, begin to sweep."""
        self._event_logger = event_logger
        event_logger.add_listener(schema_id=ACTIONS, listener=self._heard)
        self._sweep()
        self._keep(self._every(self._bounds.sweep_seconds, self._sweep))
        self._keep(self._every(self._bounds.look_seconds, self._look_at_states))

    async def stop(self) -> None:
        """Stop listening and looking; may be called again."""
        if self._event_logger is not None:
            self._event_logger.remove_listener(listener=self._heard)
            self._event_logger = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def pid(self, kernel_id: str) -> int | None:
        """Get the process id that the kernel manager started, where it knows one."""
        provisioner = getattr(self._kernel(kernel_id), "provisioner", None)
        pid = getattr(provisioner, "pid", None)
        return pid if isinstance(pid, int) else None

    def adopt(self, kernel_id: str) -> KernelNamespace | None:
        """Open the namespace of a kernel that Jupyter has and whose start event is still to come.

        A start-up script in the kernel may claim before that.
        """
        if kernel_id not in self._manager:
            return None
        self._started(kernel_id)
        return self._registry.namespaces[kernel_id]

    # --- three sources -------------------------------------------------------------------------

    async def _heard(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        """Take one of Jupyter's kernel_actions events; it comes after the action."""
        kernel_id = data.get("kernel_id")
        if not kernel_id or data.get("status") != "success":
            return
        action = data.get("action")
        if action == "restart":
            self._restarted(str(kernel_id))
        elif action == "start":
            self._started(str(kernel_id))
        elif action == "shutdown":
            self._ended(str(kernel_id))

    def _follow(self, kernel_id: str) -> None:
        """Ask to be called when the kernel is restarted or given up; silently not done by some."""
        kernel = self._kernel(kernel_id)
        if kernel is None or self._followed.get(kernel_id) is kernel:
            return
        self._followed[kernel_id] = kernel
        callbacks = (("restart", self._restarting), ("dead", self._ended))
        for event, tell in callbacks:
            self._manager.add_restart_callback(kernel_id, lambda tell=tell: tell(kernel_id), event)

    def _sweep(self) -> None:
        """Compare our namespaces with Jupyter's list of kernels."""
        listed = set(self._manager.list_kernel_ids())
        for kernel_id in listed:
            namespace = self._registry.namespaces.get(kernel_id)
            if namespace is None or namespace.lifetime.ended:
                self._started(kernel_id)
            elif self._keep_alive == "watched" and namespace.viewers:
                self._touch(kernel_id)
        for kernel_id, namespace in list(self._registry.namespaces.items()):
            if kernel_id not in listed and not namespace.lifetime.ended:
                self._ended(kernel_id)
            for stream in namespace.opened():
                if stream.history is not None:
                    before = stream.history.bytes
                    stream.history.expire(now=time.monotonic())
                    self._registry.grew(namespace, stream.history.bytes - before)

    def _look_at_states(self) -> None:
        """Tell viewers when a kernel became busy or idle: Jupyter tells nobody."""
        for kernel_id, namespace in self._registry.namespaces.items():
            if namespace.lifetime.ended or kernel_id in self._mourned:
                continue
            word = getattr(self._kernel(kernel_id), "execution_state", None)
            change = namespace.lifetime.set_kernel(word or "", now_ms=now_ms())
            if change is not None and change.status_changed:
                self._news.status(namespace)

    # --- what follows ----------------------------------------------------------------------------

    def _started(self, kernel_id: str) -> None:
        self._mourned.discard(kernel_id)
        if kernel_id in self._timers:
            self._timers.pop(kernel_id).cancel()
        namespace = self._registry.open(kernel_id)
        self._follow(kernel_id)
        self._happened(namespace, Event.KERNEL_STARTED)

    def _restarted(self, kernel_id: str) -> None:
        """Say that it was restarted, though it is over: nobody could tell before what it would be.

        Where a publisher is online already, the new process has claimed, which says it better.
        """
        namespace = self._registry.namespaces.get(kernel_id)
        if namespace is not None and namespace.publisher is None:
            self._happened(namespace, Event.KERNEL_RESTARTING)
        self._started(kernel_id)

    def _restarting(self, kernel_id: str) -> None:
        namespace = self._registry.namespaces.get(kernel_id)
        if namespace is not None:
            self._mourned.add(kernel_id)
            self._happened(namespace, Event.KERNEL_RESTARTING)

    def _ended(self, kernel_id: str) -> None:
        self._mourned.discard(kernel_id)
        self._followed.pop(kernel_id, None)
        self._touched.pop(kernel_id, None)
        namespace = self._registry.namespaces.get(kernel_id)
        if namespace is None or namespace.lifetime.ended:
            return
        self._happened(namespace, Event.KERNEL_ENDED)
        self.on_ended(namespace)
        self._timers[kernel_id] = asyncio.get_running_loop().call_later(
            self._bounds.ended_seconds, self._over, namespace
        )

    def _over(self, namespace: KernelNamespace) -> None:
        """The ended kernel's streams were readable for long enough."""
        self._timers.pop(namespace.kernel_id, None)
        namespace.lifetime.on(Event.EXPIRED, now_ms=now_ms())
        self.on_over(namespace)
        self._registry.close(namespace)

    def _happened(self, namespace: KernelNamespace, event: Event) -> None:
        change = namespace.lifetime.on(event, now_ms=now_ms())
        if change is not None and change.status_changed:
            self._news.status(namespace)

    # --- the publisher was lost ------------------------------------------------------------------

    def publisher_lost(self, namespace: KernelNamespace) -> None:
        """Tell viewers at once, and look whether the kernel's process lives."""
        self._happened(namespace, Event.PUBLISHER_LOST)
        if not namespace.lifetime.ended:
            self._keep(self._look_at_process(namespace))

    async def _look_at_process(self, namespace: KernelNamespace) -> None:
        """Say `restarting` or `dead` now, not when the restarter looks a heartbeat later."""
        kernel = self._kernel(namespace.kernel_id)
        if kernel is None or not hasattr(kernel, "is_alive"):
            return
        # The socket of a killed process closes a moment before the process can be waited for.
        for pause in (0.0, 0.05, 0.2):
            await asyncio.sleep(pause)
            # While Jupyter itself ends or restarts it, the event that follows tells which.
            if getattr(kernel, "shutting_down", False) or namespace.publisher is not None:
                return
            if not await ensure_async(kernel.is_alive()):
                break
        else:
            return
        if namespace.lifetime.ended or namespace.publisher is not None:
            return
        if _will_restart(kernel):
            self._restarting(namespace.kernel_id)
        else:
            self._ended(namespace.kernel_id)

    # --- keeping alive ---------------------------------------------------------------------------

    def published(self, namespace: KernelNamespace) -> None:
        """Count rows as the kernel's activity, where that is wanted."""
        if self._keep_alive != "never":
            self._touch(namespace.kernel_id)

    def _touch(self, kernel_id: str) -> None:
        now = time.monotonic()
        if now - self._touched.get(kernel_id, float("-inf")) < _TOUCH_SECONDS:
            return
        self._touched[kernel_id] = now
        kernel = self._kernel(kernel_id)
        if kernel is not None:
            moment = utcnow()
            kernel.last_activity = self._manager.last_kernel_activity = moment
            # Any setting of this ending counts for shutdown_no_activity and for the Hub's culler.
            self._settings["jupyter_sio_last_activity"] = moment

    # --- small things --------------------------------------------------------------------------

    def _kernel(self, kernel_id: str) -> Any:
        if kernel_id not in self._manager:
            return None
        return self._manager.get_kernel(kernel_id)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="jupyter_sio kernels")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _every(self, seconds: float, what: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                what()
            except Exception:  # noqa: BLE001  one bad look must not end all later ones
                self._log.exception("jupyter_sio could not look at Jupyter's kernels")


def _will_restart(kernel: Any) -> bool:
    """Whether Jupyter's restarter is there and has tries left."""
    restarter = getattr(kernel, "_restarter", None)
    if restarter is None:
        return False
    tried = restarter._restart_count if restarter._restarting else 0
    return bool(tried < restarter.restart_limit)
