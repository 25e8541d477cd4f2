"""The example programs do what README says of them."""
