// SPDX-License-Identifier: GPL-2.0
// An I2C bus for tests with chips on it that are nothing but registers. The kernel's own i2c-stub answers SMBus calls only;
// this one answers plain I2C messages (I2C_RDWR), as the buses of boards do, and SMBus on top of them.
//
//   insmod i2c-sim.ko words=0x40 fresh=0x4127 bytes=0x68,0x08
//
// words: chips with 256 registers of two bytes, the higher first, as INA219 and INA226 are (a message that reads more
// gets the same register again), whose register 0 holds `fresh` once its bit 15 was set, which resets those chips;
// bytes: chips with 256 registers of a byte, of which a message goes through one after the other. i2cset(8) fills them.
// Where no chip is, nobody acknowledges (ENXIO).
#include <linux/i2c.h>
#include <linux/module.h>

static unsigned short words[4], bytes[4];
static ushort fresh;
static int word_chips, byte_chips;
module_param_array(words, ushort, &word_chips, 0444);
module_param(fresh, ushort, 0444);
module_param_array(bytes, ushort, &byte_chips, 0444);

struct chip {
	u8 registers[512];
	u8 at;
};
static struct chip chips[8];

static struct chip *find(u16 address, bool *word)
{
	int i;

	for (i = 0; i < word_chips + byte_chips; i++) {
		*word = i < word_chips;
		if (address == (*word ? words[i] : bytes[i - word_chips]))
			return &chips[i];
	}
	return NULL;
}

static u8 *cell(struct chip *chip, bool word, int number)
{
	if (word)
		return &chip->registers[2 * chip->at + number % 2];
	return &chip->registers[(u8)(chip->at + number)];
}

static int transfer(struct i2c_adapter *adapter, struct i2c_msg *messages, int count)
{
	int m, i;

	for (m = 0; m < count; m++) {
		struct i2c_msg *message = &messages[m];
		bool word;
		struct chip *chip = find(message->addr, &word);

		if (!chip)
			return -ENXIO;
		if (message->flags & I2C_M_RD) {
			for (i = 0; i < message->len; i++)
				message->buf[i] = *cell(chip, word, i);
		} else if (message->len) {
			chip->at = message->buf[0];
			for (i = 1; i < message->len; i++)
				*cell(chip, word, i - 1) = message->buf[i];
			if (word && !chip->at && chip->registers[0] & 0x80) {
				chip->registers[0] = fresh >> 8;
				chip->registers[1] = fresh & 0xff;
			}
		}
	}
	return count;
}

static u32 abilities(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm algorithm = { .xfer = transfer, .functionality = abilities };
static struct i2c_adapter bus = { .owner = THIS_MODULE, .name = "i2c-sim", .algo = &algorithm };

static int __init begin(void)
{
	return i2c_add_adapter(&bus);
}

static void __exit end(void)
{
	i2c_del_adapter(&bus);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("An I2C bus with registers on it, for tests");
MODULE_LICENSE("GPL");
