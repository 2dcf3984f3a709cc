"""Geometry: cameras, surfaces, skeletons and maps."""

import jax.numpy as jnp
import numpy as np
from sympy import (
    Eq,
    IndexedBase,
    KroneckerDelta,
    LeviCivita,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Sum,
    Trace,
    cos,
    sin,
    sqrt,
    symbols,
)

from symgrad import Model, if_else, sumsq
from tests.real_models.record import Inputs, RealModel

C, P, R, B, T = symbols("C P R B T", integer=True, positive=True)  # cameras, points, observations, bones, poses
i, j, k, a, b, c, n, o, p, t = symbols("i j k a b c n o p t", integer=True)
SMALL = Rational(1, 10**16)


def cross(u, v):
    """The product u × v of rows, in JAX."""
    return jnp.stack(
        [
            u[..., 1] * v[..., 2] - u[..., 2] * v[..., 1],
            u[..., 2] * v[..., 0] - u[..., 0] * v[..., 2],
            u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0],
        ],
        axis=-1,
    )


def rotated(vector, points):
    """Rodrigues' formula for rows of rotation vectors and points; to first order at small angles."""
    squared = jnp.sum(vector**2, axis=-1, keepdims=True)
    safe = jnp.where(squared > 1e-16, squared, 1.0)
    angle = jnp.sqrt(safe)
    once = cross(vector, points)
    turned = points + jnp.sin(angle) / angle * once + (1 - jnp.cos(angle)) / safe * cross(vector, once)
    return jnp.where(squared > 1e-16, turned, points + once)


# --- bundle adjustment, with cameras as in public collections: rotation vector, translation, focal length, distortion -


def bundle_adjustment() -> Model:
    cam, pt = IndexedBase("cam", shape=(C, 9)), IndexedBase("pt", shape=(P, 3))
    camera, point = (IndexedBase(name, shape=(R,), integer=True) for name in ("camera", "point"))
    seen, weight = IndexedBase("seen", shape=(R, 2)), IndexedBase("weight", shape=(R,))
    sq, angle, along, far = (IndexedBase(name, shape=(R,)) for name in ("sq", "angle", "along", "far"))
    perpendicular, q = IndexedBase("perpendicular", shape=(R, 3)), IndexedBase("q", shape=(R, 3))
    seat, at = camera[o], pt[point[o], i]
    small, axis = sq[o] < SMALL, cam[seat, i] / angle[o]
    large = at * cos(angle[o]) + perpendicular[o, i] * sin(angle[o]) / angle[o]
    large += axis * along[o] / angle[o] * (1 - cos(angle[o]))
    turned = if_else(small, at + perpendicular[o, i], large)
    pairs = (j, 0, 2), (k, 0, 2)
    where = [
        Eq(sq[o], Sum(cam[seat, a] ** 2, (a, 0, 2))),
        Eq(angle[o], if_else(small, 1, sqrt(sq[o]))),
        Eq(along[o], Sum(cam[seat, a] * pt[point[o], a], (a, 0, 2))),
        Eq(perpendicular[o, i], Sum(LeviCivita(i, j, k) * cam[seat, j] * pt[point[o], k], *pairs)),
        Eq(q[o, i], turned + cam[seat, i + 3]),
        Eq(far[o], (q[o, 0] ** 2 + q[o, 1] ** 2) / q[o, 2] ** 2),
    ]
    distortion = 1 + cam[seat, 7] * far[o] + cam[seat, 8] * far[o] ** 2
    error = -cam[seat, 6] * distortion * q[o, b] / q[o, 2] - seen[o, b]
    return Model(Sum((weight[o] * error) ** 2, (b, 0, 1), (o, 0, R - 1)) / 2, [cam, pt], where=where)


def bundle_adjustment_inputs(size: int, rng: np.random.Generator) -> Inputs:
    cameras, points = 3, max(2, size // 3)
    cam = 0.2 * rng.normal(size=(cameras, 9))
    cam[:, 5], cam[:, 6], cam[:, 7:] = -8, 500, 0.01
    return {
        "cam": cam,
        "pt": rng.normal(size=(points, 3)),
        "camera": rng.integers(0, cameras, size),
        "point": rng.integers(0, points, size),
        "seen": 50 * rng.normal(size=(size, 2)),
        "weight": rng.random(size),
    }


def no_rotation() -> Inputs:
    made = bundle_adjustment_inputs(12, np.random.default_rng(0))
    made["cam"][:2, :3] = [[0, 0, 0], [1e-9, -2e-9, 0]]
    return made


def bundle_adjustment_reference(cam, pt, camera, point, seen, weight):
    view = cam[camera]
    q = rotated(view[:, :3], pt[point]) + view[:, 3:6]
    flat = -q[:, :2] / q[:, 2:]
    far = jnp.sum(flat**2, axis=1)
    distortion = view[:, 6] * (1 + view[:, 7] * far + view[:, 8] * far**2)
    return jnp.sum((weight[:, None] * (distortion[:, None] * flat - seen)) ** 2) / 2


# --- where a camera is, from points that are known (PnP): the rotation as a matrix of a guarded vector ----------------


def camera_pose() -> Model:
    v, shift = IndexedBase("v", shape=(3,)), IndexedBase("shift", shape=(3,))
    rotation, q = IndexedBase("rotation", shape=(3, 3)), IndexedBase("q", shape=(P, 3))
    world, seen = IndexedBase("world", shape=(P, 3)), IndexedBase("seen", shape=(P, 2))
    sq, angle, focal = symbols("sq angle focal", real=True)
    skew = -Sum(LeviCivita(i, j, k) * v[k], (k, 0, 2))
    same = KroneckerDelta(i, j)
    large = same * cos(angle) + sin(angle) / angle * skew + (1 - cos(angle)) / angle**2 * v[i] * v[j]
    where = [
        Eq(sq, Sum(v[a] ** 2, (a, 0, 2))),
        Eq(angle, if_else(sq < SMALL, 1, sqrt(sq))),
        Eq(rotation[i, j], if_else(sq < SMALL, same + skew, large)),
        Eq(q[p, i], Sum(rotation[i, j] * world[p, j], (j, 0, 2)) + shift[i]),
    ]
    error = focal * q[p, b] / q[p, 2] - seen[p, b]
    return Model(Sum(error**2, (b, 0, 1), (p, 0, P - 1)), [v, shift, focal], where=where)


def camera_pose_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "v": 0.5 * rng.normal(size=3),
        "shift": np.array([0.1, -0.2, 6.0]),
        "focal": 480.0,
        "world": rng.normal(size=(size, 3)),
        "seen": 80 * rng.normal(size=(size, 2)),
    }


def camera_pose_unturned() -> Inputs:
    return camera_pose_inputs(6, np.random.default_rng(1)) | {"v": np.zeros(3)}


def camera_pose_reference(v, shift, focal, world, seen):
    q = rotated(v[None, :], world) + shift
    return jnp.sum((focal * q[:, :2] / q[:, 2:] - seen) ** 2)


# --- surfaces: the nearest points to planes (Chen and Medioni 1991), by angles; and orthogonal, in matrices -----------


def point_to_plane() -> Model:
    angles, shift = symbols("roll pitch yaw", real=True), IndexedBase("shift", shape=(3,))
    source, target, normal = (
        IndexedBase(name, shape=s) for name, s in {"source": (P, 3), "target": (T, 3), "normal": (T, 3)}.items()
    )
    nearest = IndexedBase("nearest", shape=(P,), integer=True)
    turn = IndexedBase("turn", shape=(3, 3))
    (cr, cp, cy), (sr, sp, sy) = ([f(angle) for angle in angles] for f in (cos, sin))
    entries = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    where = [Eq(turn[row, column], entries[row][column]) for row in range(3) for column in range(3)]
    moved = Sum(turn[i, j] * source[p, j], (j, 0, 2)) + shift[i]
    distance = Sum(normal[nearest[p], i] * (moved - target[nearest[p], i]), (i, 0, 2))
    robust = distance**2 / (1 + distance**2)  # Geman and McClure
    return Model(Sum(robust, (p, 0, P - 1)), [*angles, shift], where=where)


def point_to_plane_inputs(size: int, rng: np.random.Generator) -> Inputs:
    normal = rng.normal(size=(size, 3))
    return {
        "roll": 0.1,
        "pitch": -0.2,
        "yaw": 0.3,
        "shift": 0.1 * rng.normal(size=3),
        "source": rng.normal(size=(size, 3)),
        "target": rng.normal(size=(size, 3)),
        "normal": normal / np.linalg.norm(normal, axis=1, keepdims=True),
        "nearest": rng.integers(0, size, size),
    }


def point_to_plane_reference(roll, pitch, yaw, shift, source, target, normal, nearest):
    def about(axis, angle):
        return lambda points: rotated(jnp.zeros((1, 3)).at[0, axis].set(angle), points)

    moved = about(2, yaw)(about(1, pitch)(about(0, roll)(source))) + shift
    distance = jnp.sum(normal[nearest] * (moved - target[nearest]), axis=1) ** 2
    return jnp.sum(distance / (1 + distance))


# --- skeletons: a hand whose bones have parents, and an arm of three joints -------------------------------------------


def skeleton() -> Model:
    """Rotations and places along a tree; a bone's parent is data."""
    v, offset, target = (IndexedBase(name, shape=(B, 3)) for name in ("v", "offset", "target"))
    parent = IndexedBase("parent", shape=(B,), integer=True)
    local, world = IndexedBase("local", shape=(B, 3, 3)), IndexedBase("world", shape=(B, 3, 3))
    sq, angle, place = (
        IndexedBase("sq", shape=(B,)),
        IndexedBase("angle", shape=(B,)),
        IndexedBase("place", shape=(B, 3)),
    )
    same, small = KroneckerDelta(i, j), sq[n] < SMALL
    skew = -Sum(LeviCivita(i, j, k) * v[n, k], (k, 0, 2))
    large = same * cos(angle[n]) + sin(angle[n]) / angle[n] * skew
    large += (1 - cos(angle[n])) / angle[n] ** 2 * v[n, i] * v[n, j]
    up = parent[n]
    where = [
        Eq(sq[n], Sum(v[n, a] ** 2, (a, 0, 2))),
        Eq(angle[n], if_else(small, 1, sqrt(sq[n]))),
        Eq(local[n, i, j], if_else(small, same + skew, large)),
        Eq(world[0, i, j], local[0, i, j]),
        Eq(world[n, i, j], Sum(world[up, i, k] * local[n, k, j], (k, 0, 2))),
        Eq(place[0, i], offset[0, i]),
        Eq(place[n, i], place[up, i] + Sum(world[up, i, k] * offset[n, k], (k, 0, 2))),
    ]
    error = Sum((place[n, i] - target[n, i]) ** 2, (i, 0, 2), (n, 0, B - 1))
    return Model(error + Sum(sq[n], (n, 0, B - 1)) / 100, [v, offset], where=where, facts=[parent[n] < n])


def skeleton_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "v": 0.3 * rng.normal(size=(size, 3)),
        "offset": rng.normal(size=(size, 3)),
        "target": rng.normal(size=(size, 3)),
        "parent": np.array([0, *(rng.integers(max(0, q - 3), q) for q in range(1, size))]),
    }


def straight_skeleton() -> Inputs:
    made = skeleton_inputs(5, np.random.default_rng(2))
    made["v"][1:4] = 0
    return made


def skeleton_reference(v, offset, target, parent):
    world, place = [jnp.stack([rotated(v[0], e) for e in jnp.eye(3)], axis=1)], [offset[0]]
    for bone in range(1, len(v)):
        up = int(np.asarray(parent)[bone])
        local = jnp.stack([rotated(v[bone], e) for e in jnp.eye(3)], axis=1)
        world.append(world[up] @ local)
        place.append(place[up] + world[up] @ offset[bone])
    return jnp.sum((jnp.stack(place) - target) ** 2) + jnp.sum(v**2) / 100


def three_joints() -> Model:
    """An arm in the plane reaches for a target; joints are kept from their ends by a barrier."""
    theta, length, goal = (
        IndexedBase("theta", shape=(3,)),
        IndexedBase("length", shape=(3,)),
        symbols("gx gy", real=True),
    )
    limit, stiffness = symbols("limit stiffness", positive=True)
    heading = Sum(theta[j], (j, 0, i))
    reach = [Sum(length[i] * f(heading), (i, 0, 2)) for f in (cos, sin)]
    barrier = Sum(theta[i] ** 2 / (limit**2 - theta[i] ** 2), (i, 0, 2))
    return Model(sumsq(Matrix(reach) - Matrix(goal)) + stiffness * barrier, [theta])


def three_joints_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "theta": rng.uniform(-1, 1, 3),
        "length": np.array([0.4, 0.3, 0.2]) * size,
        "gx": 0.3,
        "gy": 0.6,
        "limit": 2.5,
        "stiffness": 0.01,
    }


def three_joints_reference(theta, length, gx, gy, limit, stiffness):
    heading = jnp.cumsum(theta)
    error = (jnp.sum(length * jnp.cos(heading)) - gx) ** 2 + (jnp.sum(length * jnp.sin(heading)) - gy) ** 2
    return error + stiffness * jnp.sum(theta**2 / (limit**2 - theta**2))


# --- maps: a graph of poses in the plane, with loops that close; shapes laid on one another, in matrices --------------


def pose_graph() -> Model:
    at, heading = IndexedBase("at", shape=(T, 2)), IndexedBase("heading", shape=(T,))
    start, end = (IndexedBase(name, shape=(R,), integer=True) for name in ("start", "end"))
    moved, turned = IndexedBase("moved", shape=(R, 2)), IndexedBase("turned", shape=(R,))
    s, e = start[o], end[o]
    dx, dy = at[e, 0] - at[s, 0], at[e, 1] - at[s, 1]
    ahead = cos(heading[s]) * dx + sin(heading[s]) * dy - moved[o, 0]
    aside = -sin(heading[s]) * dx + cos(heading[s]) * dy - moved[o, 1]
    bend = 1 - cos(heading[e] - heading[s] - turned[o])
    anchor = at[0, 0] ** 2 + at[0, 1] ** 2 + heading[0] ** 2
    return Model(anchor + Sum(ahead**2 + aside**2 + 10 * bend, (o, 0, R - 1)), [at, heading])


def pose_graph_inputs(size: int, rng: np.random.Generator) -> Inputs:
    start = np.concatenate([np.arange(size - 1), rng.integers(0, size, 3)])
    end = np.concatenate([np.arange(1, size), rng.integers(0, size, 3)])
    return {
        "at": rng.normal(size=(size, 2)),
        "heading": rng.normal(size=size),
        "start": start,
        "end": end,
        "moved": rng.normal(size=(len(start), 2)),
        "turned": rng.normal(size=len(start)),
    }


def pose_graph_reference(at, heading, start, end, moved, turned):
    apart, cosine, sine = at[end] - at[start], jnp.cos(heading[start]), jnp.sin(heading[start])
    ahead = cosine * apart[:, 0] + sine * apart[:, 1] - moved[:, 0]
    aside = -sine * apart[:, 0] + cosine * apart[:, 1] - moved[:, 1]
    bend = 2 * jnp.sin((heading[end] - heading[start] - turned) / 2) ** 2
    return jnp.sum(at[0] ** 2) + heading[0] ** 2 + jnp.sum(ahead**2 + aside**2 + 10 * bend)


def affine_registration() -> Model:
    A, shift = MatrixSymbol("A", 3, 3), MatrixSymbol("shift", 3, 1)
    X, Y = MatrixSymbol("X", P, 3), MatrixSymbol("Y", P, 3)
    stiffness = symbols("stiffness", positive=True)
    error = X * A.T + OneMatrix(P, 1) * shift.T - Y
    rigid = A.T * A - Matrix.eye(3)
    return Model(Trace(error.T * error) + stiffness * Trace(rigid.T * rigid), [A, shift])


def affine_registration_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "A": rng.normal(size=(3, 3)),
        "shift": rng.normal(size=3),
        "X": rng.normal(size=(size, 3)),
        "Y": rng.normal(size=(size, 3)),
        "stiffness": 2.0,
    }


def affine_registration_reference(A, shift, X, Y, stiffness):
    return jnp.sum((X @ A.T + shift - Y) ** 2) + stiffness * jnp.sum((A.T @ A - jnp.eye(3)) ** 2)


MODELS = (
    RealModel(
        "bundle adjustment",
        bundle_adjustment,
        bundle_adjustment_inputs,
        bundle_adjustment_reference,
        (12, 2000),
        {"no rotation": no_rotation},
    ),
    RealModel(
        "camera pose",
        camera_pose,
        camera_pose_inputs,
        camera_pose_reference,
        (6, 500),
        {"unturned": camera_pose_unturned},
    ),
    RealModel("point to plane", point_to_plane, point_to_plane_inputs, point_to_plane_reference, (6, 2000)),
    RealModel(
        "skeleton", skeleton, skeleton_inputs, skeleton_reference, (5, 22), {"straight": straight_skeleton}, hvp=False
    ),
    RealModel("three joints", three_joints, three_joints_inputs, three_joints_reference, (1, 3)),
    RealModel(
        "pose graph",
        pose_graph,
        pose_graph_inputs,
        pose_graph_reference,
        (5, 500),
    ),
    RealModel(
        "affine registration",
        affine_registration,
        affine_registration_inputs,
        affine_registration_reference,
        (5, 1000),
    ),
)
