// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads that make words and count them in one map, much garbage on the way; each run is equal. */
public class Words {
	static final int STEPS = 20, THREADS = 4, WORDS = 60000;
	static final Map<String, Long> count = new ConcurrentHashMap<>();

	static long make(int step, int part) {
		long seed = step * 31L + part, sum = 0;
		List<String> words = new ArrayList<>();

		for (int i = 0; i < WORDS; i++) {
			seed = seed * 6364136223846793005L + 1442695040888963407L;
			words.add("w" + Long.toString((seed >>> 40) % 20011, 36));
		}
		for (String word : words) {
			count.merge(word, 1L, Long::sum);
			sum += word.hashCode();
		}
		if (sum == 0)
			throw new IllegalStateException("no words");
		return sum;
	}

	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(THREADS);
		long sum = 0;

		for (int step = 1; step <= STEPS; step++) {
			List<Callable<Long>> parts = new ArrayList<>();

			for (int part = 0; part < THREADS; part++) {
				final int s = step, p = part;

				parts.add(() -> make(s, p));
			}
			for (Future<Long> part : pool.invokeAll(parts))
				sum = sum * 31 + part.get();
			System.out.println("step " + step);
		}
		pool.shutdown();
		System.gc();
		for (Map.Entry<String, Long> e : new TreeMap<>(count).entrySet())
			sum = sum * 31 + e.getKey().hashCode() * e.getValue();
		System.out.println("sum " + sum + " words " + count.size());
	}
}
