/* SPDX-License-Identifier: Apache-2.0 */
#include "job/contract.h"

#include "base/text.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CONTRACT_BIT(signo) (1ULL << ((signo)-1))
#define CONTRACT_USUAL (CONTRACT_BIT(SIGTERM) | CONTRACT_BIT(SIGUSR1) | CONTRACT_BIT(SIGXCPU))

static const struct contract contract_table[] = {
	{ .name = "plain", .stop_signals = CONTRACT_USUAL, .stopped_status = 99 },
	{ .name = "slurm",
	  .variables = { "SLURM_JOB_ID" },
	  .stop_signals = CONTRACT_USUAL,
	  .stopped_status = 99,
	  .scontrol = true,
	  .shield = true },
	/* +SuccessCheckpointExitCode: files are saved, and the job goes on. */
	{ .name = "htcondor",
	  .variables = { "_CONDOR_SCRATCH_DIR", "_CONDOR_JOB_AD" },
	  .stop_signals = CONTRACT_USUAL,
	  .stopped_status = 85 },
	/* qsub -notify sends USR1 before a stop and USR2 before the end. */
	{ .name = "sge",
	  .variables = { "SGE_O_HOST", "SGE_CKPT_ENV" },
	  .stop_signals = CONTRACT_USUAL | CONTRACT_BIT(SIGUSR2),
	  .stopped_status = 99 },
};

enum { CONTRACTS = sizeof(contract_table) / sizeof(contract_table[0]) };

const struct contract *contract_find(const char *name)
{
	for (size_t i = 0; i < CONTRACTS; i++)
		if (!strcmp(contract_table[i].name, name))
			return &contract_table[i];
	return NULL;
}

const struct contract *contract_guess(void)
{
	for (size_t i = 0; i < CONTRACTS; i++)
		for (size_t k = 0; contract_table[i].variables[k]; k++)
			if (getenv(contract_table[i].variables[k]))
				return &contract_table[i];
	return &contract_table[0];
}

static int contract_signal(const char *word, size_t len)
{
	const char *end = word + len;
	uint64_t number;

	if (len > 3 && !strncmp(word, "SIG", 3))
		word += 3;
	for (int signo = 1; signo < 32; signo++)
		if (!strncmp(sigabbrev_np(signo), word, (size_t)(end - word)) &&
		    !sigabbrev_np(signo)[end - word])
			return signo;
	if (text_scan(&word, end, 10, &number) && word == end && number < 64)
		return (int)number;
	return 0;
}

bool contract_signals(uint64_t *mask, const char *text, const char **bad)
{
	*mask = 0;
	for (;;) {
		size_t len = strcspn(text, ",");
		int signo = contract_signal(text, len);

		if (signo < 1 || signo == SIGKILL || signo == SIGSTOP || signo == SIGCHLD) {
			*bad = text;
			return false;
		}
		*mask |= CONTRACT_BIT(signo);
		if (!text[len])
			return true;
		text += len + 1;
	}
}
