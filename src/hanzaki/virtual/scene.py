"""One moment at the water: pose, light, water, bed and camera. Everything that is *not* the animal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from hanzaki.virtual.bed import BEDS, Bed

DayLight = Literal["morning", "afternoon", "evening"]
DAYLIGHTS: tuple[DayLight, ...] = get_args(DayLight)


@dataclass(frozen=True)
class Pose:
    """Where the animal lies in the picture and how it holds itself.

    Attributes:
        angle: Where the snout points: radians clockwise from straight up.
        scale: Length of the head over the shorter side of the picture.
        across: Head's place between the left (-1) and right (1) of what leaves it wholly in the picture.
        down: The same between top (-1) and bottom (1).
        bend: Curvature of the neck and trunk, per head length.
        tilt: Relative change of scale from the centre of the picture to its right and lower edge.
    """

    angle: float
    scale: float
    across: float
    down: float
    bend: float
    tilt: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, turn: float) -> Pose:
        """Draws a pose with the snout within `turn` radians of straight up."""
        angle = rng.uniform(-turn, turn)
        return cls(
            angle=angle,
            scale=rng.uniform(0.44, 0.64),
            # The photographer wants some of the trunk too, and moves the head off the centre.
            across=float(np.clip(0.45 * np.sin(angle) + rng.normal(0, 0.3), -1, 1)),
            down=float(np.clip(-0.45 * np.cos(angle) + rng.normal(0, 0.3), -1, 1)),
            bend=rng.normal(0.0, 0.22),
            tilt=(rng.normal(0.0, 0.045), rng.normal(0.0, 0.06)),
        )


@dataclass(frozen=True)
class Light:
    """Sun and sky.

    Attributes:
        daylight: Time of day that it belongs to.
        sun: Brightness of the direct light where it falls squarely.
        sky: Brightness of the light from all around.
        azimuth: Where the sun stands in the picture, radians clockwise from the right-hand side.
        height: Its height, as the z component of a unit vector.
        tint: Colour of the light, linear RGB gains around 1.
    """

    daylight: DayLight
    sun: float
    sky: float
    azimuth: float
    height: float
    tint: tuple[float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, daylight: DayLight) -> Light:
        """Draws the light of about 11, 15 or 18 o'clock."""
        sun, sky, height, tint = {
            "morning": (0.78, 0.52, 0.80, (0.99, 1.0, 1.02)),
            "afternoon": (0.86, 0.46, 0.66, (1.06, 1.0, 0.89)),
            "evening": (0.22, 0.34, 0.50, (0.90, 0.99, 1.16)),
        }[daylight]
        cloud = rng.uniform(0.0, 0.75)
        shift = rng.normal(0.0, 0.035)
        return cls(
            daylight=daylight,
            sun=sun * (1.0 - cloud) * rng.uniform(0.9, 1.1),
            sky=sky * (1.0 + 0.6 * cloud) * rng.uniform(0.9, 1.1),
            azimuth=rng.uniform(-np.pi, np.pi),
            height=float(np.clip(height + rng.normal(0, 0.06), 0.35, 0.92)),
            tint=(tint[0] * (1 + shift), tint[1], tint[2] * (1 - shift)),
        )


@dataclass(frozen=True)
class Water:
    """About 20 cm of it.

    Attributes:
        ripple: Slope of the surface; the refraction displaces what lies below by about this many head lengths.
        wavelength: Length of the ripples, over the shorter side of the picture.
        flow: Direction of the ripples, radians.
        caustics: Contrast of the net of light on everything below, where the sun shines.
        glare: How much of the surface mirrors the sky (0: none, under the umbrella).
        turbidity: Share of the light that comes from the water instead of what lies in it.
        seed: Which ripples.
    """

    ripple: float
    wavelength: float
    flow: float
    caustics: float
    glare: float
    turbidity: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Water:
        """Draws the state of a slow pool."""
        return cls(
            ripple=min(0.014, 0.0048 * rng.lognormal(0.0, 0.5)),
            wavelength=rng.uniform(0.16, 0.34),
            flow=rng.uniform(-np.pi, np.pi),
            caustics=rng.uniform(0.25, 0.8),
            glare=max(0.0, rng.normal(0.01, 0.05)),
            turbidity=float(np.clip(rng.gamma(2.5, 0.042), 0.02, 0.36)),
            seed=int(rng.integers(2**31)),
        )


@dataclass(frozen=True)
class Camera:
    """The smartphone: what it does to the picture.

    Attributes:
        exposure: Gain in linear light.
        defocus: Standard deviation of the blur, over the shorter side of the picture.
        shake: Length of the motion blur, over the shorter side.
        shake_angle: Direction of the motion blur, radians.
        noise: Standard deviation of the noise, over white, in the square-root domain.
        balance: White balance, linear RGB gains around 1.
        quality: JPEG quality, 1 to 95.
        seed: Which noise.
    """

    exposure: float
    defocus: float
    shake: float
    shake_angle: float
    noise: float
    balance: tuple[float, float, float]
    quality: int
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, light: Light) -> Camera:
        """Draws a hand-held shot; little light means noise, a slow shutter and an imperfect white balance."""
        dim = light.daylight == "evening"
        tint = np.array(light.tint)
        balance = tint ** -rng.uniform(0.3, 0.8) * np.exp(rng.normal(0, 0.02, 3))
        return cls(
            # The phone's meter lifts a dark picture, though never quite to that of noon.
            exposure=1.25 * (light.sun * light.height + light.sky) ** -0.62 * rng.lognormal(0.0, 0.13),
            defocus=0.0011 * rng.lognormal(0.0, 0.5),
            shake=(0.008 if dim else 0.0028) * rng.lognormal(0.0, 0.55),
            shake_angle=rng.uniform(0, np.pi),
            noise=(0.024 if dim else 0.011) * rng.lognormal(0.0, 0.25),
            balance=(float(balance[0]), float(balance[1]), float(balance[2])),
            quality=int(rng.integers(72, 94)),
            seed=int(rng.integers(2**31)),
        )


@dataclass(frozen=True)
class Scene:
    """All that can change between two photographs of one animal.

    Attributes:
        bed: What it lies on.
        bed_place: Which part of the bed, each from 0 to 1.
    """

    pose: Pose
    light: Light
    water: Water
    camera: Camera
    bed: Bed
    bed_place: tuple[float, float]

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        light: DayLight = "afternoon",
        *,
        bed: Bed | None = None,
        turn: float = np.pi / 3,
    ) -> Scene:
        """Draws a scene.

        Args:
            rng: The only source of chance.
            light: Time of day.
            bed: What the animal lies on; any, if None.
            turn: The snout points at most this far from straight up, in radians; pi for any direction.

        Returns:
            A scene, to be used with any animal and any size of picture.
        """
        sky = Light.draw(rng, light)
        chosen = BEDS[int(rng.choice(len(BEDS), p=[0.34, 0.26, 0.26, 0.14]))]
        return cls(
            pose=Pose.draw(rng, turn),
            light=sky,
            water=Water.draw(rng),
            camera=Camera.draw(rng, sky),
            bed=bed or chosen,
            bed_place=(rng.random(), rng.random()),
        )

    def again(self, rng: np.random.Generator, *, turn: float = np.pi / 3) -> Scene:
        """Draws the next photograph of the same encounter: place and light stay, pose, ripples and hand change."""
        water = replace(Water.draw(rng), turbidity=self.water.turbidity, wavelength=self.water.wavelength)
        camera = replace(Camera.draw(rng, self.light), balance=self.camera.balance)
        return replace(self, pose=Pose.draw(rng, turn), water=water, camera=camera)
