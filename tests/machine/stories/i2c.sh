# A battery gauge on the kernel's I2C bus is told by its identity and read; another chip in its place is refused.
bus=$(grep -l '^i2c-sim$' /sys/class/i2c-dev/*/name | sed 's|.*/i2c-\([0-9]*\)/name|\1|')
[ "$bus" = 0 ] || { echo "the bus is number $bus, the board says 0"; exit 1; }
# An INA226 (data sheet SBOS547A): maker and die, a finished conversion, 12.8 V at 1.25 mV and 50 mV over the shunt at
# 2.5 uV a step. i2cset's words have the lower byte first.
for register in 0xfe:0x4954 0xff:0x6022 0x06:0x0800 0x02:0x0028 0x01:0x204e; do
    i2cset -y "$bus" 0x40 "${register%:*}" "${register#*:}" w || exit 1
done
trapline bench gauges --board ina226 --boards /boards --json >/tmp/said || exit 1
cat /tmp/said
# 50 mV over 100 mohm.
grep -q '"millivolts":12800' /tmp/said || { echo "not 12.8 V"; exit 1; }
grep -q '"milliamps":500' /tmp/said || { echo "not 500 mA"; exit 1; }
i2cset -y "$bus" 0x40 0xff 0x0000 w
trapline bench gauges --board ina226 --boards /boards --json >/tmp/said 2>/tmp/err && exit 1
cat /tmp/said /tmp/err
grep -q 'an INA226 0x5449 0x2260' /tmp/err
