// SPDX-License-Identifier: Apache-2.0
// Monte Carlo transport of photons through slabs, in the shape of a Geant4 application: a detector, a
// primary generator, a stepping loop, runs of threads merged into one histogram. Each event has a random
// engine of its own and deposits are integers, so each run is equal whichever thread takes which event.
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int threads = 256, steps = 20, events_a_step = 24000, bins = 64;
constexpr double depth = 40; // cm

struct Material {
	std::string name;
	double attenuation, absorption; // 1/cm, and the share of interactions that absorb
};

class Detector {
public:
	Detector() : layers{{{"water", 0.17, 0.25}, {"bone", 0.28, 0.4}, {"lead", 1.2, 0.8}}} {}

	const Material &at(double z) const
	{
		if (z < 0 || z >= depth)
			throw std::out_of_range("left the detector");
		return layers[z < 25 ? 0 : z < 35 ? 1 : 2];
	}

private:
	std::array<Material, 3> layers;
};

struct Absorbed : std::runtime_error {
	explicit Absorbed(const std::string &where, long e) : std::runtime_error(where), energy(e) {}
	long energy;
};

class Histogram {
public:
	void fill(double z, long energy) { bin.at(static_cast<size_t>(z / depth * bins)) += energy; }

	void merge(const Histogram &other)
	{
		for (size_t i = 0; i < bin.size(); i++)
			bin[i] += other.bin[i];
	}

	void write(std::ostream &out) const
	{
		for (size_t i = 0; i < bin.size(); i++)
			out << std::setw(3) << i << ' ' << std::setw(14) << bin[i] << '\n';
	}

private:
	std::array<long, bins> bin{};
};

class Photon {
public:
	explicit Photon(unsigned event) : engine(event) {}

	[[noreturn]] void track(const Detector &detector, Histogram &histogram)
	{
		for (;;)
			step(detector, histogram);
	}

private:
	void step(const Detector &detector, Histogram &histogram)
	{
		const Material &here = detector.at(z);

		z += cosine * -std::log(1 - uniform()) / here.attenuation;
		const Material &there = detector.at(z);
		if (uniform() < there.absorption)
			throw Absorbed(there.name, energy);
		long lost = energy / 5;
		histogram.fill(z, lost);
		energy -= lost;
		cosine = 2 * uniform() - 1;
	}

	double uniform() { return static_cast<double>(engine()) / 4294967296.0; }

public:
	double z = 0;

private:
	std::mt19937 engine;
	double cosine = 1;
	long energy = 6000000; // eV
};

// Threads take events one by one; nobody begins a step before all have ended the last.
class Run {
public:
	explicit Run(const Detector &d) : detector(d) {}

	void worker()
	{
		for (int step = 1; step <= steps; step++) {
			Histogram mine;
			long absorbed = 0;

			for (int e; (e = next[step]++) < events_a_step;)
				absorbed += process(static_cast<unsigned>(step * events_a_step + e), mine);
			finish(step, mine, absorbed);
		}
	}

	Histogram total;
	long absorbed = 0;

private:
	bool process(unsigned event, Histogram &mine) const
	{
		auto photon = std::make_unique<Photon>(event);

		try {
			photon->track(detector, mine);
		} catch (const Absorbed &a) {
			mine.fill(photon->z, a.energy);
			return true;
		} catch (const std::out_of_range &) {
			return false;
		}
	}

	void finish(int step, const Histogram &mine, long n)
	{
		std::unique_lock<std::mutex> hold(lock);

		total.merge(mine);
		absorbed += n;
		if (++arrived == threads) {
			arrived = 0;
			done = step;
			std::cout << "step " << step << std::endl;
			all.notify_all();
		}
		all.wait(hold, [&] { return done >= step; });
	}

	const Detector &detector;
	std::array<std::atomic<int>, steps + 1> next{};
	std::mutex lock;
	std::condition_variable all;
	int arrived = 0, done = 0;
};

} // namespace

int main()
{
	Detector detector;
	Run run(detector);
	std::vector<std::thread> pool;

	for (int i = 0; i < threads; i++)
		pool.emplace_back(&Run::worker, &run);
	for (auto &t : pool)
		t.join();
	std::ofstream file("dose.txt");
	run.total.write(file);
	std::cout << "absorbed " << run.absorbed << std::endl;
	return file.good() ? 0 : 1;
}
