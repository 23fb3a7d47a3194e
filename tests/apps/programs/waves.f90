! SPDX-License-Identifier: Apache-2.0
! A wave on a string cut into pieces, a process each: ends are exchanged with the neighbours, in a ring.
program waves
  use mpi
  implicit none
  integer, parameter :: n = 300000, steps = 20, sweeps = 10
  real(8) :: before(0:n + 1), now(0:n + 1), after(0:n + 1), energy, total
  integer :: rank, ranks, left, right, i, step, sweep, error

  call mpi_init(error)
  call mpi_comm_rank(mpi_comm_world, rank, error)
  call mpi_comm_size(mpi_comm_world, ranks, error)
  left = modulo(rank - 1, ranks)
  right = modulo(rank + 1, ranks)
  do i = 0, n + 1
    now(i) = sin(6.2831853071795865d0*(rank*n + i)/(n*ranks))
  end do
  before = now
  do step = 1, steps
    do sweep = 1, sweeps
      call mpi_sendrecv(now(n), 1, mpi_double_precision, right, 1, now(0), 1, mpi_double_precision, &
                        left, 1, mpi_comm_world, mpi_status_ignore, error)
      call mpi_sendrecv(now(1), 1, mpi_double_precision, left, 2, now(n + 1), 1, mpi_double_precision, &
                        right, 2, mpi_comm_world, mpi_status_ignore, error)
      do i = 1, n
        after(i) = 2*now(i) - before(i) + 0.25d0*(now(i - 1) - 2*now(i) + now(i + 1))
      end do
      before = now
      now = after
    end do
    energy = sum((now(1:n) - before(1:n))**2)
    ! The order of a sum over all is the library's: the largest is the same in any.
    call mpi_allreduce(energy, total, 1, mpi_double_precision, mpi_max, mpi_comm_world, error)
    if (rank == 0) then
      print '("step ", i0)', step
      flush (6)
    end if
  end do
  if (rank == 0) print '("energy ", es24.16, " of ", i0)', total, ranks
  call mpi_finalize(error)
end program waves
