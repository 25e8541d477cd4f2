/* A libcuda.so.1 whose device is this process's memory: enough of the driver for pycuda's contexts, memory, streams and
 * events, and nothing that computes. As lazy as a device may be: what is put into a stream is only done when somebody waits
 * for it, so that whoever reads too early reads rubbish. Counts what was taken and not given back. Of one thread at a time.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201, ILLEGAL_ADDRESS = 700 };
enum { DEVICE, HOST, STREAM, EVENT, CONTEXT, KINDS };
typedef uintptr_t address;
typedef void (*host_function)(void *);

struct block { char *start; size_t size; int kind, mapped; struct block *next; };
struct work { char *target; const char *source; size_t size; int value; host_function function; void *argument; };
struct stream { struct work *queue; size_t before, done, queued, room; struct stream *next; }; /* before: work done and forgotten */
struct event { struct stream *stream; size_t place; };

static struct block *blocks;
static struct stream *streams;
static long taken[KINDS];
static size_t space = (size_t)1 << 30;
static int init_code, integrated, device_tag;
static __thread int depth; /* of this thread's stack of contexts: there is but one context */

/* What tests ask and set. */
long standin_taken(int kind) { return taken[kind]; }
size_t standin_space(void) { return space; }
int standin_depth(void) { return depth; }
void standin_set(int code, int shares_memory, size_t bytes) { init_code = code; integrated = shares_memory; space = bytes; }

static int in_context(void) { return depth > 0 && taken[CONTEXT] > 0; }

static int within(const void *start, size_t size, int device) {
  for (struct block *b = blocks; b; b = b->next)
    if ((char *)start >= b->start && (char *)start + size <= b->start + b->size && (!device || b->kind == DEVICE || b->mapped)) return 1;
  return 0;
}

static int take(void **result, size_t size, int kind, int mapped) {
  if (!in_context()) return INVALID_CONTEXT;
  if (kind == DEVICE && size > space) return OUT_OF_MEMORY;
  struct block *b = malloc(sizeof *b);
  *b = (struct block){malloc(size ? size : 1), size, kind, mapped, blocks};
  memset(b->start, 0xA5, size);
  blocks = b;
  taken[kind]++;
  if (kind == DEVICE) space -= size;
  *result = b->start;
  return OK;
}

static void perform(const struct work *w) {
  if (w->function) w->function(w->argument);
  else if (w->source) memmove(w->target, w->source, w->size);
  else memset(w->target, w->value, w->size);
}

static size_t end(const struct stream *s) { return s->before + s->queued; }

static void advance(struct stream *s, size_t place) {
  while (s->before + s->done < place && s->done < s->queued) {
    struct work w = s->queue[s->done++];
    perform(&w);
  }
  if (s->done == s->queued) { s->before += s->queued; s->done = s->queued = 0; }
}

static void finish_all(void) { for (struct stream *s = streams; s; s = s->next) advance(s, end(s)); }

static int give(void *start, int kind) {
  if (!in_context()) return INVALID_CONTEXT;
  finish_all();
  for (struct block **at = &blocks; *at; at = &(*at)->next)
    if ((*at)->start == start && (*at)->kind == kind) {
      struct block *b = *at;
      *at = b->next;
      taken[kind]--;
      if (kind == DEVICE) space += b->size;
      memset(b->start, 0x5A, b->size);
      free(b->start);
      free(b);
      return OK;
    }
  return INVALID_VALUE;
}

static int queue(struct stream *s, struct work w) {
  if (!in_context()) return INVALID_CONTEXT;
  if (!s) { perform(&w); return OK; }
  if (s->queued == s->room) s->queue = realloc(s->queue, (s->room = 2 * s->room + 16) * sizeof w);
  s->queue[s->queued++] = w;
  return OK;
}

int cuInit(unsigned flags) { (void)flags; return init_code; }
int cuDriverGetVersion(int *version) { *version = 13000; return OK; }
int cuDeviceGetCount(int *count) { *count = 1; return OK; }
int cuDeviceGet(int *device, int index) { *device = 0; return index ? 101 : OK; }
int cuDeviceGetName(char *name, int size, int device) { (void)device; strncpy(name, "stand-in", size); return OK; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  (void)device;
  *value = attribute == 18 ? integrated : attribute == 75 ? 8 : attribute == 76 ? 6 : 0;
  return OK;
}
int cuGetErrorString(int code, const char **text) {
  *text = code == INVALID_VALUE ? "invalid argument" : code == OUT_OF_MEMORY ? "out of memory" : code == INVALID_CONTEXT ? "invalid device context"
        : code == ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "error of the stand-in";
  return OK;
}

int cuDevicePrimaryCtxRetain(void **context, int device) { (void)device; *context = &device_tag; taken[CONTEXT]++; return OK; }
int cuDevicePrimaryCtxRelease_v2(int device) { (void)device; taken[CONTEXT]--; return OK; }
int cuCtxPushCurrent_v2(void *context) { if (context != &device_tag) return INVALID_CONTEXT; depth++; return OK; }
int cuCtxPopCurrent_v2(void **context) { if (depth == 0) return INVALID_CONTEXT; depth--; *context = &device_tag; return OK; }
int cuCtxGetDevice(int *device) { *device = 0; return in_context() ? OK : INVALID_CONTEXT; }
int cuCtxSynchronize(void) { finish_all(); return in_context() ? OK : INVALID_CONTEXT; }

int cuMemAlloc_v2(address *result, size_t size) { void *p = 0; int code = take(&p, size, DEVICE, 0); *result = (address)p; return code; }
int cuMemFree_v2(address start) { return give((void *)start, DEVICE); }
int cuMemHostAlloc(void **result, size_t size, unsigned flags) { return take(result, size, HOST, (flags & 2) != 0); }
int cuMemFreeHost(void *start) { return give(start, HOST); }
int cuMemHostGetDevicePointer_v2(address *result, void *start, unsigned flags) {
  (void)flags;
  *result = (address)start;
  return within(start, 1, 1) ? OK : INVALID_VALUE;
}
int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { *free_bytes = space; *total = (size_t)1 << 30; return OK; }

int cuMemcpyHtoDAsync_v2(address target, const void *source, size_t size, struct stream *s) {
  if (!within((void *)target, size, 1)) return ILLEGAL_ADDRESS;
  if (!within(source, size, 0)) { if (s) advance(s, end(s)); s = 0; } /* memory that is not pinned is read at once */
  return queue(s, (struct work){(char *)target, source, size, 0, 0, 0});
}
int cuMemcpyDtoHAsync_v2(void *target, address source, size_t size, struct stream *s) {
  if (!within((void *)source, size, 1)) return ILLEGAL_ADDRESS;
  if (!within(target, size, 0)) { if (s) advance(s, end(s)); s = 0; }
  return queue(s, (struct work){target, (char *)source, size, 0, 0, 0});
}
int cuMemcpyDtoDAsync_v2(address target, address source, size_t size, struct stream *s) {
  if (!within((void *)target, size, 1) || !within((void *)source, size, 1)) return ILLEGAL_ADDRESS;
  return queue(s, (struct work){(char *)target, (char *)source, size, 0, 0, 0});
}
int cuMemsetD8Async(address target, unsigned char value, size_t size, struct stream *s) {
  if (!within((void *)target, size, 1)) return ILLEGAL_ADDRESS;
  return queue(s, (struct work){(char *)target, 0, size, value, 0, 0});
}
int cuLaunchHostFunc(struct stream *s, host_function function, void *argument) {
  return queue(s, (struct work){0, 0, 0, 0, function, argument});
}

int cuStreamCreate(struct stream **result, unsigned flags) {
  (void)flags;
  if (!in_context()) return INVALID_CONTEXT;
  struct stream *s = calloc(1, sizeof *s);
  s->next = streams;
  *result = streams = s;
  taken[STREAM]++;
  return OK;
}
int cuStreamDestroy_v2(struct stream *s) {
  advance(s, end(s));
  for (struct stream **at = &streams; *at; at = &(*at)->next)
    if (*at == s) { *at = s->next; break; }
  free(s->queue);
  free(s);
  taken[STREAM]--;
  return OK;
}
int cuStreamSynchronize(struct stream *s) { if (!in_context()) return INVALID_CONTEXT; if (s) advance(s, end(s)); return OK; }
int cuStreamQuery(struct stream *s) { return s && s->queued ? 600 : OK; }

int cuEventCreate(struct event **result, unsigned flags) {
  (void)flags;
  if (!in_context()) return INVALID_CONTEXT;
  *result = calloc(1, sizeof **result);
  taken[EVENT]++;
  return OK;
}
int cuEventDestroy_v2(struct event *e) { free(e); taken[EVENT]--; return OK; }
int cuEventRecord(struct event *e, struct stream *s) { if (!in_context()) return INVALID_CONTEXT; *e = (struct event){s, s ? end(s) : 0}; return OK; }
int cuEventSynchronize(struct event *e) { if (!in_context()) return INVALID_CONTEXT; if (e->stream) advance(e->stream, e->place); return OK; }
