"""Arguments of the authors' scripts (https://github.com/KHU-VLL/CAST at commit 51eb871), run on 16 GPUs."""

from experiments.cast.base import GPUS, LEAST_LR
from experiments.spec.authors_config import AuthorsConfig, Setting, family

AUTHORS = AuthorsConfig(
    settings=(
        Setting("batch_size update_freq", "optim.batch_size", lambda of_gpu, batches: of_gpu * batches * GPUS),
        Setting(
            "lr batch_size update_freq", "optim.lr", lambda lr, of_gpu, batches: lr * of_gpu * batches * GPUS / 256
        ),
        Setting("lr", "optim.schedule.final", lambda lr: LEAST_LR / lr),
        Setting("epochs", "optim.epochs"),
        Setting("warmup_epochs", "optim.schedule.warmup_epochs"),
        Setting("weight_decay", "optim.weight_decay"),
        Setting("layer_decay", "optim.layer_decay"),
        Setting("opt", "optim.optimizer", str, lambda optimizer: type(optimizer).__name__.lower()),
        Setting("opt_betas", "optim.optimizer.betas"),
        Setting("data_set", "data.dataset.name", family, family),
        Setting("num_frames", "data.frames"),
        Setting("input_size", "data.crop"),
        Setting("drop_path", "model.drop_path"),
        Setting("init_scale", "model.head.init_scale"),
        Setting("mixup", "objective.mixup.alpha"),
        Setting("cutmix", "objective.mixup.cutmix_alpha"),
        Setting("mixup_prob", "objective.mixup.probability"),
        Setting("mixup_switch_prob", "objective.mixup.switch_probability"),
        Setting("smoothing", "objective.label_smoothing"),
        Setting("test_num_segment", "evaluation.views"),
        Setting("test_num_crop", "evaluation.crops"),
        # Epic-Kitchens has heads of 97 verbs and 300 nouns.
        Setting("nb_classes", "data.dataset", int, lambda dataset: getattr(dataset, "num_classes", 300)),
        Setting("seed", "seed"),
    ),
    ignored=(
        "nproc_per_node master_port master_addr nnodes node_rank anno_path data_path clip_finetune "
        "vmae_finetune log_dir output_dir save_ckpt_freq dist_eval num_workers "
        # Said by the model and the data set; one sample of a video.
        "enable_deepspeed composition vmae_model short_side_size num_sample"
    ),
    fixed={"reprob": 0.0},
)
