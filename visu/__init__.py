"""The live visualizer, put together by tensorflowvisu.py. One line a module:

training side
    quiet_tensorflow    imports TensorFlow without noise; the device
    training            the loop in the graph, and the evaluations between its blocks
    worker              the thread that trains beside a window: pause, step, restart, stop
record
    history             what was measured, in memory
    run_folder          the files of a run
    runs                the saved runs, and which belong together
"""
