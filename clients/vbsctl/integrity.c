/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory integrity as openvbs.ko shows it: see integrity.h.
 */
#include "integrity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

void integrity_clean(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n')
			text[i] = text[i] == '\t' ? ' ' : '?';
}

/* Return: NULL at the end. */
static char *take_line(char **text)
{
	char *line = *text + strspn(*text, "\n"), *end = strchr(line, '\n');

	if (!*line) {
		*text = line;
		return NULL;
	}
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

bool integrity_next(char **text, struct integrity_line *line)
{
	char *start = take_line(text), *colon;

	if (!start)
		return false;
	colon = strstr(start, ": ");
	if (!colon || colon == start) {
		*line = (struct integrity_line){ "", start };
		return true;
	}
	*colon = '\0';
	*line = (struct integrity_line){ start, colon + 2 };
	return true;
}

long long integrity_number(const char *value)
{
	long long n;
	char *end;

	if (*value < '0' || *value > '9')
		return -1;
	errno = 0;
	n = strtoll(value, &end, 10);
	return errno || *end ? -1 : n;
}

/* The next word, or, for the last column, all that is left without blanks around it. */
static char *take_cell(char **line, bool last)
{
	char *start = *line + strspn(*line, BLANKS),
	     *end = start + (last ? strlen(start) : strcspn(start, BLANKS));

	*line = *end ? end + 1 : end;
	while (last && end > start && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
	return start;
}

bool integrity_table(char **text, struct integrity_table *table)
{
	char *line = take_line(text);

	table->columns = 0;
	while (line && *(line += strspn(line, BLANKS))) {
		if (table->columns == INTEGRITY_COLUMNS)
			return false;
		table->column[table->columns++] = take_cell(&line, false);
	}
	return table->columns > 0;
}

bool integrity_row(char **text, const struct integrity_table *table, const char *cell[INTEGRITY_COLUMNS])
{
	char *line = take_line(text);

	if (!line)
		return false;
	for (size_t i = 0; i < table->columns; i++)
		cell[i] = take_cell(&line, i + 1 == table->columns);
	return true;
}
