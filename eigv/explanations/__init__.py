"""Which clips an answer rests on: what the model itself says, held against what explainers say of it afterwards."""
