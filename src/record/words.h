/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wordings that are an interface: containerd, Docker, Podman, CRI-O and Buildah search our messages for them
 * (case-sensitively, some of them).  They stand here and nowhere else; tests/unit/test-words.c has one test per caller.
 */
#pragma once

/* containerd: delete and kill of what is gone; Podman: state; CRI-O. */
#define WORDS_ABSENT            "container does not exist"
/* containerd, CRI-O: kill after the end. */
#define WORDS_NOT_RUNNING       "container not running"
#define WORDS_NOT_PAUSED        "container not paused"
#define WORDS_EXISTS            "container with given id already exists"
/* A signal that lost the race against the end of the process. */
#define WORDS_FINISHED          "process already finished"
#define WORDS_EXEC_PAUSED       "cannot exec in a paused container (use --ignore-paused to override)"
#define WORDS_EXEC_STOPPED      "cannot exec in a stopped container"
#define WORDS_START_AGAIN       "cannot start an already running container"
#define WORDS_START_STOPPED     "cannot start a container that has stopped"
