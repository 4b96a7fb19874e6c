#!/bin/sh
# A bulk run as an array of 64 shares on a file system that all nodes see: sbatch slurm-array.sh
# The same command goes on with what is left, so that a requeued or repeated array loses nothing.
#SBATCH --job-name=distilbert-bulk
#SBATCH --array=1-64
#SBATCH --cpus-per-task=8
#SBATCH --mem=4G
#SBATCH --requeue
exec distilbert bulk text-classification "$INPUT" "$OUTPUT" --model "$MODEL" \
    --workers 4 --threads 2 --share "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
