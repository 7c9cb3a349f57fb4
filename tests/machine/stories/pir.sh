# To be sourced: a GPIO chip with a line PIR that is low; `$pull` moves it (the kernel's admin-guide/gpio/gpio-sim.rst).
chip=/sys/kernel/config/gpio-sim/trapline
mkdir -p $chip/bank0/line2
echo 8 >$chip/bank0/num_lines
echo PIR >$chip/bank0/line2/name
echo 1 >$chip/live
pull=/sys/devices/platform/$(cat $chip/dev_name)/$(cat $chip/bank0/chip_name)/sim_gpio2/pull
echo pull-down >$pull
