// SPDX-License-Identifier: Apache-2.0
// A child that is asked again and again, and children that are waited for, by a thread of the runtime each.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

public class Children {
	static Process start(String command) throws Exception {
		return new ProcessBuilder("bash", "-c", command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
	}

	static String say(Process p) {
		try (BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream()))) {
			return in.readLine() + " " + p.waitFor();
		} catch (Exception e) {
			throw new RuntimeException(e);
		}
	}

	public static void main(String[] args) throws Exception {
		Process adder = start("n=0; while read -r k; do ((n = (n * 31 + k) % 1000003)); echo $n; done; exit 7");
		PrintWriter ask = new PrintWriter(adder.getOutputStream(), true);
		BufferedReader answer = new BufferedReader(new InputStreamReader(adder.getInputStream()));
		long sum = 0;
		for (int step = 1; step <= 20; step++) {
			List<CompletableFuture<String>> all = new ArrayList<>();
			for (int i = 0; i < 3; i++) {
				Process p = start("echo $((" + step + " * 100 + " + i + ")); exit " + (step + i));
				all.add(CompletableFuture.supplyAsync(() -> say(p)));
			}
			for (int i = 0; i < 200; i++) {
				ask.println(step + i);
				sum = sum * 17 + Long.parseLong(answer.readLine());
			}
			for (CompletableFuture<String> one : all)
				sum = sum * 13 + one.get().hashCode();
			System.out.println("step " + step);
		}
		ask.close();
		System.out.println("result " + sum + " last " + adder.waitFor());
	}
}
