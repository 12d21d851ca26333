/* Make the instances of a restored process and fill its table, after a plan.
 *
 * Nothing here that pywasm_runtime/restore.py cannot do through ctypes; but numpy's modules have two thousand imports,
 * and a call through ctypes takes a microsecond where one from C takes a twentieth. The declarations repeat what
 * wasmtime's C API says (its wheel has no headers); restore.py compares the sizes with its bindings before it
 * uses this.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t words[2];
} instance_t;

typedef struct {
    uint8_t kind;
    union {
        uint64_t words[3];
        int32_t i32;
    } of;
} value_t; /* a wasmtime_extern_t or a wasmtime_val_t: a kind and a union at offset 8 */

typedef struct {
    uint64_t words[3];
} item_t; /* a wasmtime_global_t or wasmtime_table_t */

enum { EXTERN_FUNC = 0, EXTERN_GLOBAL = 1 };
enum { VALUE_I32 = 0, VALUE_FUNCREF = 5 };
enum { FROM_MAIN, FROM_PART, FROM_HOST, NUMBER };

struct source {
    int32_t kind;
    uint32_t number; /* the part, or the global's value */
    uint32_t mutable;
    uint32_t length;
    const char *name;
};

struct part {
    const void *module;
    size_t count;
    const uint32_t *sources; /* places in the plan's sources */
};

struct fill {
    uint32_t slot;
    uint32_t source;
};

struct plan {
    const struct source *sources;
    size_t source_count;
    const struct part *parts;
    size_t part_count;
    const struct fill *fills;
    size_t fill_count;
    size_t most_imports;
};

/* wasmtime's functions, handed over so that this needs no linking. */
struct api {
    bool (*export_get)(void *context, const instance_t *, const char *name, size_t length, value_t *);
    bool (*linker_get)(
        const void *linker, void *context, const char *module, size_t, const char *name, size_t, value_t *);
    void *(*global_new)(void *context, const void *type, const value_t *, item_t *);
    void *(*instance_new)(
        void *context, const void *module, const value_t *imports, size_t, instance_t *, void **trap);
    void *(*table_set)(void *context, const item_t *table, uint64_t slot, const value_t *);
};

struct process {
    void *context;
    const void *linker;
    const char *host_module;
    const instance_t *main;
    const item_t *table;
    const void *global_types[2]; /* constant, mutable */
};

struct room {
    value_t *externs; /* one a source */
    bool *found;
    value_t *imports; /* most_imports */
    instance_t *instances; /* one a part */
    void *error;
    void *trap;
};

const size_t pywasm_restore_sizes[] = {sizeof(instance_t), sizeof(value_t), sizeof(item_t)};

static size_t text_length(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

static bool make_number(const struct api *api, const struct process *process, const struct source *source,
    struct room *room, value_t *to)
{
    value_t value = {.kind = VALUE_I32, .of.i32 = (int32_t)source->number};
    item_t global;
    room->error = api->global_new(process->context, process->global_types[source->mutable != 0], &value, &global);
    to->kind = EXTERN_GLOBAL;
    for (int i = 0; i < 3; i++)
        to->of.words[i] = global.words[i];
    return room->error == NULL;
}

static bool find(const struct api *api, const struct process *process, const struct source *source, struct room *room,
    value_t *to)
{
    switch (source->kind) {
    case FROM_MAIN:
        return api->export_get(process->context, process->main, source->name, source->length, to);
    case FROM_PART:
        return api->export_get(
            process->context, &room->instances[source->number], source->name, source->length, to);
    case FROM_HOST:
        return api->linker_get(process->linker, process->context, process->host_module,
            text_length(process->host_module), source->name, source->length, to);
    default:
        return make_number(api, process, source, room, to);
    }
}

/* Give the extern of a source, which is looked up once; NULL if there is none. */
static const value_t *require(const struct api *api, const struct process *process, const struct plan *plan,
    struct room *room, uint32_t place)
{
    value_t *it = &room->externs[place];
    if (!room->found[place])
        room->found[place] = find(api, process, &plan->sources[place], room, it);
    return room->found[place] ? it : NULL;
}

static bool make_part(const struct api *api, const struct process *process, const struct plan *plan,
    struct room *room, size_t number)
{
    const struct part *part = &plan->parts[number];
    for (size_t i = 0; i < part->count; i++) {
        const value_t *it = require(api, process, plan, room, part->sources[i]);
        if (it == NULL)
            return false;
        room->imports[i] = *it;
    }
    room->error = api->instance_new(
        process->context, part->module, room->imports, part->count, &room->instances[number], &room->trap);
    return room->error == NULL && room->trap == NULL;
}

static bool fill_slot(const struct api *api, const struct process *process, const struct plan *plan,
    struct room *room, const struct fill *fill)
{
    const value_t *it = require(api, process, plan, room, fill->source);
    if (it == NULL || it->kind != EXTERN_FUNC)
        return false;
    value_t value = *it;
    value.kind = VALUE_FUNCREF;
    room->error = api->table_set(process->context, process->table, fill->slot, &value);
    return room->error == NULL;
}

/* Give 0, or the number of the step that failed, from 1 on; room has wasmtime's error or trap, if it was that. */
size_t pywasm_restore(
    const struct api *api, const struct process *process, const struct plan *plan, struct room *room)
{
    for (size_t i = 0; i < plan->part_count; i++)
        if (!make_part(api, process, plan, room, i))
            return i + 1;
    for (size_t i = 0; i < plan->fill_count; i++)
        if (!fill_slot(api, process, plan, room, &plan->fills[i]))
            return plan->part_count + i + 1;
    return 0;
}
