# The tests that need these devices.
for test in gpio_sim v4l2_vivid; do
    if [ -x /bin/$test ]; then
        $test --ignored --test-threads 1 || exit 1
    else
        echo "$test was not built: cargo test --no-run --test $test"
        exit 1
    fi
done
