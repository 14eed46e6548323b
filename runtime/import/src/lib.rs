//! A program for what a cluster holds already.
