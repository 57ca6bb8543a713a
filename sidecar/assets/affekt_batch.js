// SPDX-License-Identifier: GPL-3.0-or-later
// Flamenco's job type for `affekt batch flamenco`: the batch's tasks in groups, stage by stage.

const JOB_TYPE = {
    label: "Affekt Batch",
    description: "Takes, emotions and avatars to bakes, pictures and files",
    settings: [
        { key: "folder", type: "string", subtype: "dir_path", required: true,
          description: "The batch's folder, which every worker sees" },
        { key: "affekt", type: "string", required: true, default: "affekt",
          description: "The program affekt on the workers" },
        { key: "group", type: "int32", default: 8, visible: "submission" },
        { key: "bake_tasks", type: "int32", default: 0, visible: "submission" },
        { key: "make_tasks", type: "int32", default: 0, visible: "submission" },
        { key: "finish_tasks", type: "int32", default: 0, visible: "submission" },
        { key: "look_tasks", type: "int32", default: 0, visible: "submission" },
    ],
};

function compileJob(job) {
    let before = [];
    for (const stage of ["bake", "make", "finish", "look"]) {
        const tasks = [];
        const size = job.settings.group;
        for (let first = 1; first <= job.settings[stage + "_tasks"]; first += size) {
            tasks.push(authorTask(job, stage + "-" + first, before,
                ["task", job.settings.folder, stage, String(first), String(size)]));
        }
        before = tasks.length > 0 ? tasks : before;
    }
    authorTask(job, "report", before, ["report", job.settings.folder]);
}

function authorTask(job, name, before, words) {
    const task = author.Task(name, "misc");
    task.addCommand(author.Command("exec", {
        exe: job.settings.affekt,
        args: ["batch"].concat(words),
    }));
    for (const other of before) {
        task.addDependency(other);
    }
    job.addTask(task);
    return task;
}
