//! Who can do what and who reaches whom, over a cluster model.
