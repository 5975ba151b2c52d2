// SPDX-License-Identifier: MIT
/*
 * ovbs-call: call any trustlet from the shell, for tests and for people who
 * look after a machine. With --threads and --repeat also a measure of how many
 * calls per second there are. What is printed first, in lines of "key value",
 * is an interface: scripts read it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openvbs.h>

#include "args.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_VTL1 = 3 };

#define THREADS_MAX 64u

struct command {
	uint8_t uuid[16];
	uint32_t number;
	uint32_t types;
	struct arg arg[OVBS_PARAMS];
	uint64_t repeat, threads;
};

/* What one thread does: its own session, its own buffers. */
struct worker {
	pthread_t thread;
	const struct command *command;
	struct openvbs *vbs;
	struct openvbs_param param[OVBS_PARAMS];
	uint64_t calls;
	uint32_t origin;
	int ret;
};

static const struct option options[] = {
	{ "repeat", required_argument, NULL, 'r' },
	{ "threads", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int usage(FILE *to, int status)
{
	fputs("usage: ovbs-call [--repeat N] [--threads N] UUID COMMAND [PARAMETER]...\n"
	      "PARAMETER, up to 4:\n"
	      "  v:A,B  V:  vV:A,B             value in, out, both\n"
	      "  b:TEXT  b@FILE  x:HEX  B:SIZE buffer in (three ways), out\n"
	      "  bB:TEXT  bB@FILE  xB:HEX      buffer in and out\n"
	      "  -                             none\n"
	      "Exit status: 0 success, 1 failed, 2 usage, 3 no VTL1. See ovbs-call(1).\n",
	      to);
	return status;
}

static int is_buffer(uint32_t type)
{
	return type >= OVBS_PARAM_BUFFER_IN;
}

static int params_alloc(struct worker *w)
{
	unsigned int n;

	for (n = 0; n < OVBS_PARAMS; n++) {
		const struct arg *arg = &w->command->arg[n];

		if (!is_buffer(arg->type))
			continue;
		w->param[n].buffer.data = malloc(arg->size + 1);
		if (!w->param[n].buffer.data)
			return -ENOMEM;
	}
	return 0;
}

static void params_free(struct worker *w)
{
	unsigned int n;

	for (n = 0; n < OVBS_PARAMS; n++)
		if (is_buffer(w->command->arg[n].type))
			free(w->param[n].buffer.data);
}

/* As on the command line again: the last call may have changed them. */
static void params_reset(struct worker *w)
{
	unsigned int n;

	for (n = 0; n < OVBS_PARAMS; n++) {
		const struct arg *arg = &w->command->arg[n];

		if (is_buffer(arg->type)) {
			memcpy(w->param[n].buffer.data, arg->data, arg->size);
			w->param[n].buffer.size = arg->size;
		} else {
			w->param[n].value.a = arg->a;
			w->param[n].value.b = arg->b;
		}
	}
}

static void *work(void *context)
{
	struct worker *w = context;
	const struct command *c = w->command;
	struct openvbs_session *session = NULL;

	w->origin = OVBS_ORIGIN_API;
	w->ret = params_alloc(w);
	if (w->ret)
		return NULL;
	w->ret = openvbs_open_params(w->vbs, c->uuid, 0, NULL, &w->origin, &session);
	while (!w->ret && w->calls < c->repeat) {
		params_reset(w);
		w->ret = openvbs_invoke(session, c->number, c->types, w->param, &w->origin);
		w->calls += !w->ret;
	}
	openvbs_close(session);
	return NULL;
}

static void print_buffer(unsigned int n, const uint8_t *data, size_t size, size_t room)
{
	size_t i;

	printf("param %u buffer %zu ", n, size);
	for (i = 0; i < size && size <= room; i++)
		printf("%02x", data[i]);
	printf("%s\n", size > room ? "needed" : "");
}

static void print_outputs(const struct worker *w)
{
	unsigned int n;

	for (n = 0; n < OVBS_PARAMS; n++) {
		const struct openvbs_param *p = &w->param[n];

		switch (w->command->arg[n].type) {
		case OVBS_PARAM_VALUE_OUT:
		case OVBS_PARAM_VALUE_INOUT:
			printf("param %u value %" PRIu64 " %" PRIu64 "\n", n, p->value.a, p->value.b);
			break;
		case OVBS_PARAM_BUFFER_OUT:
		case OVBS_PARAM_BUFFER_INOUT:
			print_buffer(n, p->buffer.data, p->buffer.size, w->command->arg[n].size);
			break;
		default:
			break;
		}
	}
}

/* @w: the first that failed, or any. */
static void print_answer(const struct worker *w)
{
	if (OPENVBS_IS_ERRNO(w->ret))
		printf("error %d\n", -w->ret);
	else
		printf("result 0x%08x\n", (unsigned int)w->ret);
	printf("origin %s\n", openvbs_origin_name(w->origin));
	if (!w->ret || w->origin == OVBS_ORIGIN_TRUSTLET)
		print_outputs(w);
	fflush(stdout);
	if (w->ret)
		fprintf(stderr, "ovbs-call: %s\n", openvbs_strerror(w->ret));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All threads; how many were started. One that can't be started counts as failed. */
static uint64_t run(struct worker *w, uint64_t threads)
{
	uint64_t started, i;

	if (threads == 1) { /* no thread at all: a plain call is also a plain trace */
		work(&w[0]);
		return 1;
	}
	for (started = 0; started < threads; started++) {
		int err = pthread_create(&w[started].thread, NULL, work, &w[started]);

		if (err) {
			w[started].ret = -err;
			break;
		}
	}
	for (i = 0; i < started; i++)
		pthread_join(w[i].thread, NULL);
	return started;
}

static int call(const struct command *c, struct openvbs *vbs)
{
	struct worker *w = calloc((size_t)c->threads, sizeof(*w));
	uint64_t i, calls = 0, shown = 0;
	double begin = now(), seconds;
	int ret;

	if (!w)
		return -ENOMEM;
	for (i = 0; i < c->threads; i++) {
		w[i].command = c;
		w[i].vbs = vbs;
	}
	run(w, c->threads);
	seconds = now() - begin;
	for (i = c->threads; i-- > 0;) {
		calls += w[i].calls;
		if (w[i].ret)
			shown = i;
	}
	print_answer(&w[shown]);
	ret = w[shown].ret;
	if (c->repeat > 1 || c->threads > 1)
		printf("calls %" PRIu64 "\nseconds %.3f\nper_second %.0f\n", calls, seconds,
		       seconds > 0 ? (double)calls / seconds : 0.0);
	for (i = 0; i < c->threads; i++)
		params_free(&w[i]);
	free(w);
	return ret;
}

static int parse_operands(int argc, char **argv, struct command *c)
{
	uint64_t number;
	int n;

	if (argc < 2 || argc > 2 + OVBS_PARAMS)
		return usage(stderr, EXIT_USAGE);
	if (openvbs_uuid_parse(argv[0], c->uuid)) {
		fprintf(stderr, "ovbs-call: %s: not a UUID\n", argv[0]);
		return EXIT_USAGE;
	}
	if (number_parse(argv[1], UINT32_MAX, &number)) {
		fprintf(stderr, "ovbs-call: %s: not the number of a command\n", argv[1]);
		return EXIT_USAGE;
	}
	c->number = (uint32_t)number;
	for (n = 0; n < argc - 2; n++) {
		const char *wrong = arg_parse(argv[2 + n], &c->arg[n]);

		if (wrong) {
			fprintf(stderr, "ovbs-call: %s: %s\n", argv[2 + n], wrong);
			return EXIT_USAGE;
		}
		c->types |= c->arg[n].type << 4 * n;
	}
	return EXIT_OK;
}

static int call_and_report(const struct command *c)
{
	struct openvbs *vbs;
	int ret = openvbs_connect(&vbs);

	if (ret) {
		fprintf(stderr, "ovbs-call: %s\n", openvbs_strerror(ret));
		return ret == -ENODEV ? EXIT_NO_VTL1 : EXIT_FAILED;
	}
	ret = call(c, vbs);
	openvbs_disconnect(vbs);
	if (fflush(stdout) || ferror(stdout)) {
		perror("ovbs-call");
		return EXIT_FAILED;
	}
	return ret ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	static struct command command = { .repeat = 1, .threads = 1 };
	int c, status;

	while ((c = getopt_long(argc, argv, "+r:t:hV", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			if (number_parse(optarg, UINT32_MAX, &command.repeat) || !command.repeat)
				return usage(stderr, EXIT_USAGE);
			break;
		case 't':
			if (number_parse(optarg, THREADS_MAX, &command.threads) || !command.threads)
				return usage(stderr, EXIT_USAGE);
			break;
		case 'h':
			return usage(stdout, EXIT_OK);
		case 'V':
			puts("ovbs-call " OVBS_VERSION);
			return EXIT_OK;
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	status = parse_operands(argc - optind, argv + optind, &command);
	if (status == EXIT_OK)
		status = call_and_report(&command);
	for (c = 0; c < OVBS_PARAMS; c++)
		free(command.arg[c].data);
	return status;
}
