// What daxfile is measured against in C: PMDK's libraries, each operation as a loop with nothing around it, and a plain loop of
// stores and flushes. Every function gives 0, or -1 with a message on standard error.
//
// Numbers cross as double and unsigned, as in ffi/symbols.ts; a path is the address of a string that ends in zero.
#include <immintrin.h>
#include <libpmem.h>
#include <libpmemlog.h>
#include <libpmemobj.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static int failed(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return -1;
}

// A plain loop

// Stores a word, writes its line back and fences; `count` times, at offsets that go up from `from` by `step` and wrap at `length`.
__attribute__((target("clwb"))) int peer_loop(double address, double length, double from, double step, unsigned count)
{
	char *start = (char *)(uintptr_t)address;
	uint64_t at = (uint64_t)from, wrap = (uint64_t)length, stride = (uint64_t)step;
	for (unsigned i = 0; i < count; i++) {
		volatile uint64_t *word = (volatile uint64_t *)(start + at);
		*word = i;
		_mm_clwb((void *)word);
		_mm_sfence();
		at += stride;
		if (at >= wrap)
			at -= wrap;
	}
	return 0;
}

// Stores into `lines` lines, writes each back, fences once; `count` times.
__attribute__((target("clwb"))) int peer_flush(double address, unsigned lines, unsigned count)
{
	char *start = (char *)(uintptr_t)address;
	for (unsigned i = 0; i < count; i++) {
		for (unsigned line = 0; line < lines; line++)
			*(volatile uint64_t *)(start + line * 64) = i;
		for (unsigned line = 0; line < lines; line++)
			_mm_clwb(start + line * 64);
		_mm_sfence();
	}
	return 0;
}

// What the processor can do

// The shortest loop of non-temporal stores over whole lines: 64 bytes each, or 16 where the processor has no wider ones.
__attribute__((target("avx512f"))) static void stream_lines_wide(char *to, const char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64)
		_mm512_stream_si512((void *)(to + i), _mm512_loadu_si512(from + i));
}

static void stream_lines(char *to, const char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 16)
		_mm_stream_si128((void *)(to + i), _mm_loadu_si128((const void *)(from + i)));
}

// Stores one word past the caches and fences; `count` times.
int peer_stream_word(double address, unsigned count)
{
	long long *word = (long long *)(uintptr_t)address;
	for (unsigned i = 0; i < count; i++) {
		_mm_stream_si64(word, i);
		_mm_sfence();
	}
	return 0;
}

// `count` copies of whole lines to offsets that go up by `step` and wrap at `wrap`.
int peer_stream_copy(double address, double source, double length, double step, double wrap, unsigned count)
{
	int wide = __builtin_cpu_supports("avx512f");
	const char *from = (const char *)(uintptr_t)source;
	size_t at = 0, stride = (size_t)step, end = (size_t)wrap, bytes = (size_t)length;
	char *to = (char *)(uintptr_t)address;
	for (unsigned i = 0; i < count; i++) {
		(wide ? stream_lines_wide : stream_lines)(to + at, from, bytes);
		_mm_sfence();
		at += stride;
		if (at >= end)
			at = 0;
	}
	return 0;
}

// `count` times the stores of a record of ours, past the caches, a header of 16 bytes and whole words: no checksum, nothing checked.
int peer_stream_record(double address, double source, double length, double from, double wrap, unsigned count)
{
	const long long *words = (const long long *)(uintptr_t)source;
	size_t at = (size_t)from, end = (size_t)wrap, payload = ((size_t)length + 7) / 8;
	for (unsigned i = 0; i < count; i++) {
		if (at + 16 + 8 * payload > end)
			at = 0;
		long long *to = (long long *)((char *)(uintptr_t)address + at);
		_mm_stream_si64(to, (long long)length);
		_mm_stream_si64(to + 1, i);
		for (size_t word = 0; word < payload; word++)
			_mm_stream_si64(to + 2 + word, words[word]);
		_mm_sfence();
		at += 16 + 8 * payload;
	}
	return 0;
}

// `count` times the stores of a transaction of ours on `number` words that lie `step` bytes apart: the lines of the one before are
// written back, a record goes past the caches, a fence, the words are stored. No checksum, nothing staged or checked.
__attribute__((target("clwb"))) int peer_stream_commit(double address, double length, unsigned number, unsigned step, unsigned count)
{
	char *start = (char *)(uintptr_t)address, *data = start + (size_t)length / 2;
	for (unsigned i = 0; i < count; i++) {
		long long *slot = (long long *)(start + (i & 1) * ((size_t)length / 4));
		for (unsigned n = 0; n < number; n++)
			_mm_clwb(data + n * step);
		for (unsigned word = 0; word < 2 + 2 * number; word++)
			_mm_stream_si64(slot + word, i);
		_mm_sfence();
		for (unsigned n = 0; n < number; n++)
			*(volatile uint64_t *)(data + n * step) = i;
	}
	return 0;
}

// libpmem

static char *memory;

int peer_pmem_open(double path, double size)
{
	int is_pmem;
	size_t mapped;
	memory = pmem_map_file((const char *)(uintptr_t)path, (size_t)size, PMEM_FILE_CREATE, 0600, &mapped, &is_pmem);
	if (!memory)
		return failed("pmem_map_file", pmem_errormsg());
	return is_pmem ? 0 : failed("libpmem", "it is not told to take this file for persistent memory");
}

// `count` copies to offsets that go up by `step` from `offset`, and wrap at `wrap`.
int peer_pmem_copy(double offset, double source, double length, double step, double wrap, unsigned count)
{
	const char *from = (const char *)(uintptr_t)source;
	size_t at = 0, stride = (size_t)step, end = (size_t)wrap, bytes = (size_t)length;
	char *to = memory + (size_t)offset;
	for (unsigned i = 0; i < count; i++) {
		pmem_memcpy_persist(to + at, from, bytes);
		at += stride;
		if (at >= end)
			at = 0;
	}
	return 0;
}

int peer_pmem_fill(double offset, double length, double step, double wrap, unsigned count)
{
	size_t at = 0, stride = (size_t)step, end = (size_t)wrap, bytes = (size_t)length;
	char *to = memory + (size_t)offset;
	for (unsigned i = 0; i < count; i++) {
		pmem_memset_persist(to + at, (int)(i & 255), bytes);
		at += stride;
		if (at >= end)
			at = 0;
	}
	return 0;
}

// libpmemlog

static PMEMlogpool *journal;

int peer_log_open(double path, double size)
{
	journal = pmemlog_create((const char *)(uintptr_t)path, (size_t)size, 0600);
	return journal ? 0 : failed("pmemlog_create", pmemlog_errormsg());
}

int peer_log_append(double source, double length, unsigned count)
{
	const void *from = (const void *)(uintptr_t)source;
	for (unsigned i = 0; i < count; i++) {
		if (pmemlog_append(journal, from, (size_t)length) == 0)
			continue;
		pmemlog_rewind(journal);
		if (pmemlog_append(journal, from, (size_t)length) != 0)
			return failed("pmemlog_append", pmemlog_errormsg());
	}
	return 0;
}

// libpmemobj

static PMEMobjpool *pool;
static uint64_t *words;

int peer_obj_open(double path, double size)
{
	pool = pmemobj_create((const char *)(uintptr_t)path, "bench", (size_t)size, 0600);
	if (!pool)
		return failed("pmemobj_create", pmemobj_errormsg());
	words = pmemobj_direct(pmemobj_root(pool, 1 << 20));
	return words ? 0 : failed("pmemobj_root", pmemobj_errormsg());
}

// `count` transactions, each of which adds to `number` words that lie `step` bytes apart.
int peer_obj_transaction(unsigned number, unsigned step, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		TX_BEGIN(pool) {
			for (unsigned n = 0; n < number; n++) {
				uint64_t *word = (uint64_t *)((char *)words + n * step);
				pmemobj_tx_add_range_direct(word, 8);
				*word += 1;
			}
		} TX_ONABORT {
			return failed("pmemobj", pmemobj_errormsg());
		} TX_END
	}
	return 0;
}
