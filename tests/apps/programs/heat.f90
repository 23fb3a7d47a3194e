! SPDX-License-Identifier: Apache-2.0
! Heat in a plate, two threads or more; each point is computed by one thread only, so each run is equal.
program heat
  use omp_lib
  implicit none
  integer, parameter :: n = 600, steps = 20, sweeps = 220
  real(8), allocatable :: u(:, :), v(:, :)
  real(8) :: total
  integer :: i, j, sweep, step

  allocate (u(0:n + 1, 0:n + 1), v(0:n + 1, 0:n + 1))
  u = 0
  u(0, :) = 100
  u(:, n + 1) = 50
  v = u
  open (unit=10, file='heat.txt', status='replace')
  do step = 1, steps
    do sweep = 1, sweeps
      !$omp parallel do private(i)
      do j = 1, n
        do i = 1, n
          v(i, j) = 0.25d0*(u(i - 1, j) + u(i + 1, j) + u(i, j - 1) + u(i, j + 1))
        end do
      end do
      !$omp end parallel do
      !$omp parallel workshare
      u = v
      !$omp end parallel workshare
    end do
    write (10, '(i4, es24.16)') step, u(n/2, n/2)
    print '("step ", i0)', step
    flush (6)
  end do
  close (10)
  total = 0
  do j = 1, n
    do i = 1, n
      total = total + u(i, j)
    end do
  end do
  print '("total ", es24.16, " threads ", i0)', total, omp_get_max_threads()
end program heat
