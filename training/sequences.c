// Forward-backward over phone sequences for LF-MMI, and best paths for alignment.
// Build: gcc -O3 -march=native -ffast-math -shared -fPIC (sequences.py does it).
//
// A numerator is a graph of phone instances ("states"). A state is entered by one arc and may then
// be kept for any number of frames. Arcs are sorted by destination: those into state s are
// first[s] .. first[s + 1]. Network outputs are named by index, so this code knows no phone set.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEVER -1e20f
#define POSSIBLE(x) ((x) > NEVER / 2)
#define NEGLIGIBLE -16.f

typedef struct {
  int states;
  const int *first;              // [states + 1]
  const int *source;             // of each arc
  const float *weight;           // log probability of each arc
  const int *entry;              // network output that each arc takes
  const int *stay;               // network output of staying in each state
  const float *start;            // log probability of starting in each state, or NEVER
  const int *start_entry;        // network output of starting there
  const unsigned char *final;    // 1 where the utterance may end
} Graph;

static inline float log_add(float a, float b) {
  float high = a > b ? a : b, low = a > b ? b : a;
  if (!POSSIBLE(low) || low - high < -18.f) return high;
  return high + log1pf(expf(low - high));
}

static void drop_below(float *row, int n, float limit) {
  for (int s = 0; s < n; s++)
    if (row[s] < limit) row[s] = NEVER;
}

static float highest(const float *row, int n) {
  float best = NEVER;
  for (int s = 0; s < n; s++) best = row[s] > best ? row[s] : best;
  return best;
}

// Adds sign * posterior to `posterior` (frames x outputs); returns the log score, NEVER without a
// path. Paths that fall `beam` behind are dropped from the forward pass; the backward pass walks
// over what is left and nothing else, or posteriors would exceed one.
float numerator(int frames, int outputs, const float *score, const Graph *g, float beam, float sign,
                float *posterior) {
  int n = g->states;
  float *alpha = malloc(sizeof(float) * (size_t)frames * n);
  float *beta = malloc(sizeof(float) * 2 * n), *now = beta, *before = beta + n;
  for (int s = 0; s < n; s++)
    alpha[s] = POSSIBLE(g->start[s]) ? g->start[s] + score[g->start_entry[s]] : NEVER;
  drop_below(alpha, n, highest(alpha, n) - beam);
  for (int t = 1; t < frames; t++) {
    const float *x = score + (size_t)t * outputs, *old = alpha + (size_t)(t - 1) * n;
    float *new = alpha + (size_t)t * n;
    for (int s = 0; s < n; s++) {
      float v = POSSIBLE(old[s]) ? old[s] + x[g->stay[s]] : NEVER;
      for (int a = g->first[s]; a < g->first[s + 1]; a++)
        if (POSSIBLE(old[g->source[a]]))
          v = log_add(v, old[g->source[a]] + g->weight[a] + x[g->entry[a]]);
      new[s] = v;
    }
    drop_below(new, n, highest(new, n) - beam);
  }
  const float *last = alpha + (size_t)(frames - 1) * n;
  float total = NEVER;
  for (int s = 0; s < n; s++) {
    now[s] = g->final[s] ? 0 : NEVER;
    if (g->final[s] && POSSIBLE(last[s])) total = log_add(total, last[s]);
  }
  for (int t = frames - 1; POSSIBLE(total) && t > 0; t--) {
    const float *x = score + (size_t)t * outputs, *old = alpha + (size_t)(t - 1) * n;
    float *out = posterior + (size_t)t * outputs;
    for (int s = 0; s < n; s++) before[s] = NEVER;
    for (int s = 0; s < n; s++) {
      if (!POSSIBLE(now[s])) continue;
      float v = now[s] + x[g->stay[s]], p = old[s] + v - total;
      if (p > NEGLIGIBLE) {
        out[g->stay[s]] += sign * expf(p);
        before[s] = log_add(before[s], v);
      }
      for (int a = g->first[s]; a < g->first[s + 1]; a++) {
        int q = g->source[a];
        v = now[s] + g->weight[a] + x[g->entry[a]];
        p = old[q] + v - total;
        if (p > NEGLIGIBLE) {
          out[g->entry[a]] += sign * expf(p);
          before[q] = log_add(before[q], v);
        }
      }
    }
    float *swap = now;
    now = before;
    before = swap;
  }
  for (int s = 0; POSSIBLE(total) && s < n; s++) {
    float p = alpha[s] + now[s] - total;
    if (POSSIBLE(now[s]) && p > NEGLIGIBLE) posterior[g->start_entry[s]] += sign * expf(p);
  }
  free(alpha);
  free(beta);
  return total;
}

// Best path: state[t], and entered[t] is 1 where it is entered. Returns its score or NEVER.
float best_path(int frames, int outputs, const float *score, const Graph *g, int *state,
                unsigned char *entered) {
  int n = g->states;
  float *rows = malloc(sizeof(float) * 2 * n), *now = rows, *old = rows + n;
  int *back = malloc(sizeof(int) * (size_t)frames * n);  // source of the arc taken, or -1: stayed
  for (int s = 0; s < n; s++)
    now[s] = POSSIBLE(g->start[s]) ? g->start[s] + score[g->start_entry[s]] : NEVER;
  for (int t = 1; t < frames; t++) {
    const float *x = score + (size_t)t * outputs;
    float *swap = now;
    now = old;
    old = swap;
    for (int s = 0; s < n; s++) {
      float v = POSSIBLE(old[s]) ? old[s] + x[g->stay[s]] : NEVER;
      int from = -1;
      for (int a = g->first[s]; a < g->first[s + 1]; a++) {
        int q = g->source[a];
        float w = POSSIBLE(old[q]) ? old[q] + g->weight[a] + x[g->entry[a]] : NEVER;
        if (w > v) {
          v = w;
          from = q;
        }
      }
      now[s] = v;
      back[(size_t)t * n + s] = from;
    }
  }
  int s = -1;
  float best = NEVER;
  for (int i = 0; i < n; i++)
    if (g->final[i] && now[i] > best) {
      best = now[i];
      s = i;
    }
  for (int t = frames - 1; s >= 0 && t >= 0; t--) {
    int from = t ? back[(size_t)t * n + s] : s;
    state[t] = s;
    entered[t] = from >= 0;
    if (from >= 0) s = from;
  }
  free(rows);
  free(back);
  return best;
}

// All phone sequences under a bigram (phones x phones) with start probabilities. The entry output of
// phone p after q is q * phones + p, staying phones * phones + p; before the start there is phone 0.
// Adds sign * posterior; returns the log score. Scaled probabilities, one scale a frame.
float denominator(int frames, int phones, const float *score, const float *bigram,
                  const float *start, float sign, float *posterior) {
  int pairs = phones * phones, outputs = pairs + phones;
  float *like = malloc(sizeof(float) * (size_t)frames * outputs);
  float *alpha = malloc(sizeof(float) * (size_t)frames * phones);
  float *scale = malloc(sizeof(float) * frames);
  float *now = malloc(sizeof(float) * 2 * phones), *before = now + phones, *free_me = now;
  double total = 0;
  for (int t = 0; t < frames; t++) {
    const float *x = score + (size_t)t * outputs;
    float *l = like + (size_t)t * outputs, *a = alpha + (size_t)t * phones, sum = 0;
    float top = highest(x, outputs);
    for (int i = 0; i < outputs; i++) l[i] = expf(x[i] - top);
    for (int i = 0; i < pairs; i++) l[i] *= bigram[i];
    if (t == 0) {
      for (int p = 0; p < phones; p++) a[p] = start[p] * expf(x[p] - top);
    } else {
      const float *old = a - phones;
      for (int p = 0; p < phones; p++) a[p] = old[p] * l[pairs + p];
      for (int q = 0; q < phones; q++)
        for (int p = 0; p < phones; p++) a[p] += old[q] * l[q * phones + p];
    }
    for (int p = 0; p < phones; p++) sum += a[p];
    sum += 1e-30f;
    scale[t] = 1 / sum;
    total += top + logf(sum);
    for (int p = 0; p < phones; p++) a[p] *= scale[t];
  }
  for (int p = 0; p < phones; p++) now[p] = 1;
  for (int t = frames - 1; t > 0; t--) {
    const float *l = like + (size_t)t * outputs, *old = alpha + (size_t)(t - 1) * phones;
    float *out = posterior + (size_t)t * outputs;
    for (int p = 0; p < phones; p++) now[p] *= scale[t];
    for (int p = 0; p < phones; p++) {
      before[p] = l[pairs + p] * now[p];
      out[pairs + p] += sign * old[p] * before[p];
    }
    for (int q = 0; q < phones; q++) {
      float sum = 0, from = sign * old[q];
      for (int p = 0; p < phones; p++) {
        float v = l[q * phones + p] * now[p];
        sum += v;
        out[q * phones + p] += from * v;
      }
      before[q] += sum;
    }
    float *swap = now;
    now = before;
    before = swap;
  }
  for (int p = 0; p < phones; p++) posterior[p] += sign * alpha[p] * now[p];
  free(like);
  free(alpha);
  free(scale);
  free(free_me);
  return (float)total;
}
