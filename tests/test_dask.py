"""Data in chunks of Dask: the bits of the same chunks one after the other, on threads, in processes, after a death."""

import os
import signal
import time
from typing import Any

import pytest

from tests.runtime.test_chunks import bits, directed, inputs_of, module_of, split

da = pytest.importorskip("dask.array")
over = pytest.importorskip("symgrad.dask").over

ENDS = (9, 17, 18, 30, 41)
SIDES = (9, 8, 1, 12, 11)


def in_dask(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    chunks, parameters = split(module, given, ENDS)
    rows = {name: da.from_array(given[name], chunks=(SIDES, *given[name].shape[1:])) for name in chunks[0]}
    return {**parameters, **rows}


@pytest.mark.parametrize("name", ["groups", "batch normalisation", "a mixture", "maxima"])
def test_threads_give_the_bits_of_chunks_one_after_the_other(name: str) -> None:
    module, given = module_of(name), inputs_of(name)
    chunks, parameters = split(module, given, ENDS)
    for of in ("value_and_gradient", "hessian_vector_product"):
        wanted = module.over_chunks(chunks, of, **directed(module, of, parameters))
        got = over(module, of=of)(**directed(module, of, in_dask(module, given)))
        assert type(got) is type(wanted) and bits(got) == bits(wanted)
    assert bits(over(module)(*[in_dask(module, given)[name] for name in module.ARGUMENTS])) == bits(
        module.over_chunks(chunks, **parameters)
    )


def test_what_does_not_fit_is_an_error() -> None:
    module, given = module_of("groups"), in_dask(module_of("groups"), inputs_of("groups"))
    plain = inputs_of("groups")
    for change, error in (
        ({"x": plain["x"]}, "x: expected an array of Dask in chunks of rows, got ndarray"),
        ({"x": given["x"].rechunk((SIDES, 2))}, "x: its columns are in several chunks"),
        ({"x": given["x"].rechunk((10, 4))}, "the arrays have other rows in their chunks"),
        ({"u": da.ones(3)}, "u: it has no rows, and is an array of Dask"),
        ({"z": 1}, "'z' is unknown"),
    ):
        with pytest.raises((TypeError, ValueError), match=error):
            over(module)(**{**given, **change})
    with pytest.raises(ValueError, match="'jacobian' is no function of rows in chunks"):
        over(module, of="jacobian")


@pytest.mark.long
def test_processes_give_the_same_bits_and_so_they_do_after_one_has_died() -> None:
    distributed = pytest.importorskip("distributed")
    module, given = module_of("batch normalisation"), inputs_of("batch normalisation")
    chunks, parameters = split(module, given, ENDS)
    wanted = bits(module.over_chunks(chunks, **parameters))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        data = in_dask(module, given)
        held = {name: one.persist() if isinstance(one, da.Array) else one for name, one in data.items()}
        function = over(module, client)
        assert bits(function(**held)) == wanted

        def slowly(block: Any) -> Any:
            time.sleep(0.5)
            return block

        late = {name: one.map_blocks(slowly) if isinstance(one, da.Array) else one for name, one in data.items()}
        before = dict(client.run(os.getpid))
        victim = next(iter(before.values()))
        client.loop.call_later(1.0, os.kill, victim, signal.SIGKILL)
        assert bits(function(**late)) == wanted
        client.wait_for_workers(2)
        assert victim not in client.run(os.getpid).values()  # it did die
        assert bits(function(**held)) == wanted  # what was kept there is made anew
