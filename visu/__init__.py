"""The live visualizer, which tensorflowvisu.py puts together.

training side, the only modules that import TensorFlow
quiet_tensorflow  imports TensorFlow without its start-up noise; names the device
training          the training loop in the graph, and the evaluations between its blocks
keras_training    the same for a Keras model, which its own fit trains
network           gradients per layer; one digit on its way through the layers
worker            the thread that trains beside a window: pause, step, restart, stop

record
history           what a run has measured, in memory
run_folder        writes a run's files while it goes on
weights_file      writes and reads a run's weights
saved_run         reads and checks them
choosing          which of them a command line means
experiments       which saved runs belong together; medians, bands, a table

pictures
pictures          arrays in, arrays out: mosaics, weights, percentile bands
style             colours, sizes and matplotlib's settings
curve_panels      the panels over the iterations
image_panels      the panels that are pictures
gradient_panels   gradient per layer: lines over the iterations, bars
error_panels      the worst errors, the confusion matrix
digit_panel       the panel of one digit in the network
layer_columns     its layers, a column for each
sheet             a sheet to draw a digit on
focus             what a person looks at closely: a digit, a cell
dashboard         the figure: headline, panels, help
blitting          draws it, and only what has changed
comparison        the curves of several runs in one figure
deck              the deck's own comparisons

surroundings
recording         takes in the evaluations: history, files, terminal, movie
live              a window beside the worker that trains: restart, steps, pause, end
window            the live window: a timer, keys
keys              what they do, for people
backend           chooses matplotlib's backend, says why no window can open
webagg            the window in a browser
notebook          the picture below a notebook's cell
movie             films a run
image_files       reads digits from pictures
terminal          lines that cannot fail, a run's summary, signals
progress          how far a run is, on the terminal
cli               what the command lines share
text              text from elsewhere, made safe to print and to draw; percent
"""
