// A plugin for qemu's user emulation that counts the instructions of the program it runs, and says so at its end:
//
//   gcc -shared -fPIC -O2 -o count.so benches/count.c
//   qemu-aarch64 -plugin ./count.so -d plugin PROGRAM …
//
// It calls what qemu names in its interface for plugins, version 1 (qemu 7.2: "TCG Plugins" in qemu's manual); the
// declarations below are all it needs, for Debian packs no header. One thread after the other adds up: for programs whose
// work is one thread's.
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SEEN __attribute__((visibility("default")))

struct qemu_plugin_tb;
typedef uint64_t plugin_id;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*run)(unsigned, void *), int registers,
                                          void *own);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *), void *own);
void qemu_plugin_outs(const char *text);

SEEN int qemu_plugin_version = 1;

static uint64_t instructions;

static void run(unsigned processor, void *length)
{
    (void)processor;
    instructions += (uintptr_t)length;
}

// Of each block of instructions, its length is known when it is translated.
static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, run, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void ended(plugin_id id, void *own)
{
    (void)id;
    (void)own;
    char line[64];
    snprintf(line, sizeof line, "instructions: %" PRIu64 "\n", instructions);
    qemu_plugin_outs(line);
}

SEEN int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
