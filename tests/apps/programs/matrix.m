% SPDX-License-Identifier: Apache-2.0
% Exact integer products, sorting, strings, cells; each run is equal.
1;
function s = digest(a)
  s = mod(sum(mod(a(:)', 65521) .* mod(1:numel(a), 251)), 1000003);
end
state = 7;
text = {};
total = 0;
for step = 1:20
  n = 220;
  a = zeros(n);
  for i = 1:n
    state = mod(state * 16807, 2147483647);
    a(i, :) = mod((1:n) * state, 101) - 50;
  end
  b = a;
  for k = 1:20
    b = mod(b * a', 97);
  end
  f = round(real(ifft(fft(b(1, :)))));
  try
    error("cairn:test", "%d", digest(sort(b, 2)));
  catch e
    text{end + 1} = e.message;
  end
  total = mod(total * 31 + digest(b) + sum(f), 1000003);
  printf("step %d\n", step);
  fflush(stdout);
end
printf("total %d %s\n", total, strjoin(text, ","));
