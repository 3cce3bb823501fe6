"""Joints of three layouts, derived from those of one body: Penn Action (13), COCO (17) and NTU RGB+D (25)."""

from data.synthetic.figures import BODY, joint, layout

PENN_ACTION = layout(*(joint(**{name: 1.0}) for name in BODY))

COCO = layout(
    joint(head=1.0),  # nose
    joint(head=1.15, left_shoulder=0.045, right_shoulder=-0.195),  # left eye
    joint(head=1.15, left_shoulder=-0.195, right_shoulder=0.045),  # right eye
    joint(head=1.0, left_shoulder=0.3, right_shoulder=-0.3),  # left ear
    joint(head=1.0, left_shoulder=-0.3, right_shoulder=0.3),  # right ear
    *(joint(**{name: 1.0}) for name in BODY[1:]),
)

NTU = layout(
    joint(left_hip=0.5, right_hip=0.5),  # base of the spine
    joint(left_shoulder=0.25, right_shoulder=0.25, left_hip=0.25, right_hip=0.25),  # middle of the spine
    joint(head=0.35, left_shoulder=0.325, right_shoulder=0.325),  # neck
    joint(head=1.0),
    joint(left_shoulder=1.0),
    joint(left_elbow=1.0),
    joint(left_wrist=1.0),
    joint(left_wrist=1.25, left_elbow=-0.25),  # left hand
    joint(right_shoulder=1.0),
    joint(right_elbow=1.0),
    joint(right_wrist=1.0),
    joint(right_wrist=1.25, right_elbow=-0.25),  # right hand
    joint(left_hip=1.0),
    joint(left_knee=1.0),
    joint(left_ankle=1.0),
    joint(left_ankle=1.15, left_knee=-0.15),  # left foot
    joint(right_hip=1.0),
    joint(right_knee=1.0),
    joint(right_ankle=1.0),
    joint(right_ankle=1.15, right_knee=-0.15),  # right foot
    joint(left_shoulder=0.5, right_shoulder=0.5),  # spine at the shoulders
    joint(left_wrist=1.5, left_elbow=-0.5),  # tip of the left hand
    joint(left_wrist=1.2, left_elbow=-0.2, left_shoulder=-0.15, right_shoulder=0.15),  # left thumb
    joint(right_wrist=1.5, right_elbow=-0.5),  # tip of the right hand
    joint(right_wrist=1.2, right_elbow=-0.2, left_shoulder=0.15, right_shoulder=-0.15),  # right thumb
    further_bones=((6, 22), (10, 24)),  # thumbs are drawn
)
