"""The live visualizer, which tensorflowvisu.py puts together. Its folders:

training  the only part that imports TensorFlow: the loop, the network, the worker thread
record    what a run is and what it has measured; its folder; which runs belong together
panels    history in, artists out: the table of views, the panels, the figure, the comparison
show      where a figure or a line is shown: window, notebook, movie, terminal
"""
