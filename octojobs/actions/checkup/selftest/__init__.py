"""The story of a crash, told for real: does this machine keep the promises?"""
